import Data
import Runs
import Synchronization

/// Reads micro-batches ahead of the lanes into a bounded number of batch buffers.
///
/// The batch at a cursor is a pure function of (seed, cursor): the loader can start anywhere and has no state to save.
package actor DataLoader {
  private nonisolated let thread: StageThread
  private let data: Dataset
  private let readers: SampleReaders
  private let tree: GradientTree
  private let rows: Int
  private let firstCursor: Int
  private let clock: StageClock
  /// The most micro-batches that a lane runs in a step.
  private let longestTurn: Int
  /// Filled micro-batches, one queue per lane.
  nonisolated let queues: [HandoffQueue<MicroBatch>]
  private nonisolated let free: [HandoffQueue<MicroBatch>]

  /// The least number of batch buffers per lane with work; more buffers mean fewer wake-ups on busy cores.
  package static let buffersPerTurn = 4

  package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  /// - Parameters:
  ///   - cursor: batches already consumed since the start of the run.
  ///   - rows: samples in a micro-batch.
  init(thread: StageThread, data: Dataset, tree: GradientTree, rows: Int, cursor: Int, clock: StageClock) {
    self.thread = thread
    self.data = data
    readers = SampleReaders(data)
    self.tree = tree
    self.rows = rows
    firstCursor = cursor
    self.clock = clock
    longestTurn = (0..<tree.lanes).map { tree.range(of: $0).count }.max() ?? 0
    let capacities = (0..<tree.lanes).map { Self.bufferCount(tree, lane: $0) }
    queues = capacities.map { HandoffQueue(capacity: $0) }
    // Woken when half of a lane's buffers are free, not for each one.
    free = capacities.map { HandoffQueue(capacity: $0, wakesReceiverAt: max(1, $0 / 2)) }
    for (lane, capacity) in capacities.enumerated() {
      for _ in 0..<capacity { free[lane].send(MicroBatch(fields: data.fields, rows: rows)) }
    }
  }

  /// The number of a lane's batch buffers.
  static func bufferCount(_ tree: GradientTree, lane: Int) -> Int {
    let perStep = tree.range(of: lane).count
    return perStep == 0 ? 1 : max(buffersPerTurn, perStep + 1)
  }

  /// Reads batch after batch until `stop()`.
  func run() async {
    var cursor = firstCursor
    let batchSize = rows * tree.microBatches
    while true {
      let batch = BatchPlace(data, cursor: cursor, batchSize: batchSize)
      for turn in 0..<longestTurn {
        for lane in 0..<tree.lanes where turn < tree.range(of: lane).count {
          clock.worked()
          guard var microBatch = await free[lane].receive() else { return }
          clock.waited()
          microBatch.read(tree.range(of: lane).lowerBound + turn, of: batch, with: readers)
          queues[lane].send(microBatch)
        }
      }
      cursor += 1
    }
  }

  nonisolated func recycle(_ microBatch: consuming MicroBatch, lane: Int) { free[lane].send(microBatch) }

  /// Ends `run()`; queued micro-batches are dropped with the loader.
  nonisolated func stop() {
    for queue in free { queue.close() }
    for queue in queues { queue.close() }
  }
}
