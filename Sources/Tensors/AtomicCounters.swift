import Synchronization

/// A fixed number of counters that several lanes raise.
// Sendable because its elements are atomic.
package final class AtomicCounters: @unchecked Sendable {
  private let counters: UnsafeMutablePointer<Atomic<Int>>
  private let count: Int

  package init(count: Int) {
    self.count = count
    counters = .allocate(capacity: max(count, 1))
    for index in 0..<count { (counters + index).initialize(to: Atomic(0)) }
  }

  deinit {
    counters.deinitialize(count: count)
    counters.deallocate()
  }

  /// Raises a counter; true for the last of every `participants` calls, which then sees all that the others wrote
  /// before.
  package func isLast(at index: Int, of participants: Int) -> Bool {
    precondition(index >= 0 && index < count)
    return counters[index].add(1, ordering: .acquiringAndReleasing).newValue % participants == 0
  }
}
