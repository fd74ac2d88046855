import DequeModule
import Synchronization

/// A bounded queue that hands noncopyable items from one stage to another; its bound is the back-pressure.
///
/// One sender and one receiver. `receive` suspends while the queue is empty. Sending never waits, because there are
/// never more items than the queue holds.
package final class HandoffQueue<Item: ~Copyable & Sendable>: Sendable {
  private struct State: ~Copyable {
    var items: RigidDeque<Item>
    var receiver: UnsafeContinuation<Void, Never>?
    var isClosed = false
  }

  private let state: Mutex<State>
  private let threshold: Int

  /// - Parameter threshold: items that must be there before a waiting receiver is woken; waking a thread costs the busy
  ///   cores more than an item that waits a little.
  package init(capacity: Int, wakesReceiverAt threshold: Int = 1) {
    precondition(threshold >= 1 && threshold <= capacity)
    self.threshold = threshold
    state = Mutex(State(items: RigidDeque(capacity: capacity)))
  }

  /// - Parameter urgently: wakes a waiting receiver in any case.
  package func send(_ item: consuming Item, urgently: Bool = false) {
    var item = Optional(item)
    let receiver: UnsafeContinuation<Void, Never>? = state.withLock { state in
      if let item = item.take() { state.items.append(item) }
      guard urgently || state.items.count >= threshold else { return nil }
      defer { state.receiver = nil }
      return state.receiver
    }
    receiver?.resume()
  }

  /// The oldest item; nil once the queue is closed and empty.
  package func receive(isolation: isolated (any Actor)? = #isolation) async -> Item? {
    while await waitForItem() {
      if let item = poll() { return item }
    }
    return nil
  }

  /// The oldest item if there is one now.
  package func poll() -> Item? { state.withLock { $0.items.popFirst() } }

  /// Suspends until there is an item; false once the queue is closed and empty.
  package func waitForItem(isolation: isolated (any Actor)? = #isolation) async -> Bool {
    while true {
      let (isReady, isClosed) = state.withLock { (!$0.items.isEmpty, $0.isClosed) }
      if isReady { return true }
      if isClosed { return false }
      await withUnsafeContinuation { continuation in
        let mustWait = state.withLock { state in
          guard state.items.isEmpty, !state.isClosed else { return false }
          state.receiver = continuation
          return true
        }
        if !mustWait { continuation.resume() }
      }
    }
  }

  /// Ends the waiting of the receiver for good.
  package func close() {
    let receiver: UnsafeContinuation<Void, Never>? = state.withLock { state in
      state.isClosed = true
      defer { state.receiver = nil }
      return state.receiver
    }
    receiver?.resume()
  }
}
