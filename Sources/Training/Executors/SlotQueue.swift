import DequeModule
import Synchronization

/// A bounded queue that hands noncopyable slots from one stage to another: its bound is the back-pressure.
///
/// One sender and one receiver. `receive` suspends while the queue is empty; sending never waits, because there are never
/// more slots than the queue holds.
package final class SlotQueue<Slot: ~Copyable & Sendable>: Sendable {
  private struct State: ~Copyable {
    var slots: RigidDeque<Slot>
    var receiver: UnsafeContinuation<Void, Never>?
    var isClosed = false
  }

  private let state: Mutex<State>
  private let threshold: Int

  /// - Parameter threshold: how many slots must be there before a waiting receiver is woken; waking a thread costs the
  ///   busy cores more than a slot that waits a little.
  package init(capacity: Int, wakesReceiverAt threshold: Int = 1) {
    precondition(threshold >= 1 && threshold <= capacity)
    self.threshold = threshold
    state = Mutex(State(slots: RigidDeque(capacity: capacity)))
  }

  /// - Parameter urgently: wakes a waiting receiver in any case.
  package func send(_ slot: consuming Slot, urgently: Bool = false) {
    var slot = Optional(slot)
    let receiver: UnsafeContinuation<Void, Never>? = state.withLock { state in
      if let slot = slot.take() { state.slots.append(slot) }
      guard urgently || state.slots.count >= threshold else { return nil }
      defer { state.receiver = nil }
      return state.receiver
    }
    receiver?.resume()
  }

  /// The oldest slot; nil once the queue is closed and empty.
  package func receive(isolation: isolated (any Actor)? = #isolation) async -> Slot? {
    while await waitForSlot() {
      if let slot = poll() { return slot }
    }
    return nil
  }

  /// The oldest slot if there is one now.
  package func poll() -> Slot? { state.withLock { $0.slots.popFirst() } }

  /// Suspends until there is a slot; false once the queue is closed and empty.
  package func waitForSlot(isolation: isolated (any Actor)? = #isolation) async -> Bool {
    while true {
      let (isReady, isClosed) = state.withLock { (!$0.slots.isEmpty, $0.isClosed) }
      if isReady { return true }
      if isClosed { return false }
      await withUnsafeContinuation { continuation in
        let mustWait = state.withLock { state in
          guard state.slots.isEmpty, !state.isClosed else { return false }
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
