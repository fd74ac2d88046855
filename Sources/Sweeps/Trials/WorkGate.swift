import Synchronization

/// Whether this process continues with its trials.
final class WorkGate: Sendable {
  private let closed = Atomic<Bool>(false)

  /// Once closed, trials save and stop, and no new trial begins.
  var isClosed: Bool { closed.load(ordering: .relaxed) }

  func close() { closed.store(true, ordering: .relaxed) }
}
