import Checkpoints
import Files
import Foundation
import Metrics
import Synchronization

/// The right to fill the snapshot: there is one, which the writer holds while it writes.
struct SnapshotTicket: ~Copyable, Sendable {}

/// An order to write the filled snapshot and to prune checkpoints.
struct CheckpointOrder: ~Copyable, Sendable {
  let ticket: SnapshotTicket
  let metadata: CheckpointMetadata
  let pools: CheckpointPools
  /// The time that the lanes stood still for the snapshot.
  let stallSeconds: Double
}

/// Writes snapshots to HDF5 while training continues, and removes old checkpoints.
package actor CheckpointWriter {
  private nonisolated let thread: StageThread
  nonisolated let folder: CheckpointFolder
  /// The folder itself, whatever is put in its place later.
  private let identity: FileIdentity?
  private let snapshot: StateSnapshot
  private let recorder: Recorder
  private let clock: StageClock
  private nonisolated let failure = Mutex<CheckpointError?>(nil)
  /// The steps of the run's files: those that it found when it began and those that it has written.
  private var own: Set<Int>
  /// Steps whose files are known to be good.
  private nonisolated let trusted = Mutex<Set<Int>>([])
  nonisolated let tickets = HandoffQueue<SnapshotTicket>(capacity: 1)
  nonisolated let orders = HandoffQueue<CheckpointOrder>(capacity: 1)

  package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  /// - Parameter found: the steps of the run's checkpoints so far.
  init(
    thread: StageThread, folder: URL, found: Set<Int>, snapshot: StateSnapshot, recorder: Recorder, clock: StageClock
  ) {
    own = found
    self.thread = thread
    self.folder = CheckpointFolder(folder)
    identity = FileIdentity(of: folder.path)
    self.snapshot = snapshot
    self.recorder = recorder
    self.clock = clock
    tickets.send(SnapshotTicket())
  }

  /// The first error of writing a checkpoint.
  nonisolated var firstFailure: CheckpointError? { failure.withLock { $0 } }

  /// Returns once every snapshot handed over so far is on the disk.
  nonisolated func finishOrders() async {
    // The writer is idle while another holds the ticket.
    if let ticket = await tickets.receive() { tickets.send(ticket) }
  }

  /// No longer trusts the files after a step, or any: they were found damaged.
  nonisolated func distrust(after step: Int?) {
    trusted.withLock { $0 = $0.filter { $0 <= step ?? -1 } }
  }

  func run() async {
    clock.worked()
    while let order = await orders.receive() {
      clock.waited()
      await write(order.metadata, order.pools, stallSeconds: order.stallSeconds)
      tickets.send(order.giveBack())
      clock.worked()
    }
  }

  private func write(_ metadata: CheckpointMetadata, _ pools: CheckpointPools, stallSeconds: Double) async {
    // The records must reach the checkpoint's step, or a resumed run would miss lines.
    await recorder.synchronize()
    guard recorder.firstFailure == nil else { return }
    do throws(CheckpointError) {
      guard FileIdentity(of: folder.url.path) == identity else {
        throw CheckpointError(
          "checkpoint of step \(metadata.step) not saved: \(folder.url.path) has been removed or replaced during the run"
        )
      }
      let url = folder.url.appending(path: CheckpointFile.name(step: metadata.step))
      let receipt = try CheckpointFile.write(snapshot.tensors, metadata: metadata, to: url)
      let trusted = trusted.withLock {
        $0.insert(metadata.step)
        return $0
      }
      own.insert(metadata.step)
      _ = try folder.prune(pools, trusted: trusted, own: own)
      recorder.items.send(
        .event(
          EventRecord(
            step: metadata.step, kind: .checkpoint,
            text: "\(url.lastPathComponent), \(receipt.byteCount) bytes, sha256 \(receipt.digest), "
              + String(format: "lanes held for %.1f ms", 1e3 * stallSeconds))), urgently: true)
    } catch {
      failure.withLock { if $0 == nil { $0 = error } }
    }
  }
}

extension CheckpointOrder {
  consuming func giveBack() -> SnapshotTicket { ticket }
}
