import Synchronization

/// Which trials this process has under way, and whether it begins any more.
final class RunningBoard: Sendable {
  private let trials = Mutex<[SweepRun.Running]>([])
  private let closed = Atomic<Bool>(false)

  var running: [SweepRun.Running] { trials.withLock { $0.sorted { $0.job < $1.job } } }
  /// Once closed, trials save and stop.
  var isClosed: Bool { closed.load(ordering: .relaxed) }

  func begin(_ trial: SweepRun.Running) { trials.withLock { $0.append(trial) } }
  func end(_ trial: SweepRun.Running) { trials.withLock { $0.removeAll { $0 == trial } } }
  func close() { closed.store(true, ordering: .relaxed) }
}
