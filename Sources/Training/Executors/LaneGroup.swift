import Synchronization

/// The meeting point of the coordinator and the lanes: the coordinator hands out a task, every lane does its share, and
/// all meet again.
///
/// A meeting allocates nothing. The lock orders memory: a lane sees everything that the coordinator wrote before it
/// handed out the task, and the coordinator sees everything that the lanes wrote.
final class LaneGroup: Sendable {
  private struct State {
    var waiting: [UnsafeContinuation<LaneTask, Never>?]
    var arrived = 0
    var coordinator: UnsafeContinuation<Void, Never>?
  }

  let count: Int
  private let state: Mutex<State>

  init(count: Int) {
    self.count = count
    state = Mutex(State(waiting: Array(repeating: nil, count: count)))
  }

  /// Reports a lane's last task as done, and waits for the next one.
  func next(lane: Int, isolation: isolated (any Actor)? = #isolation) async -> LaneTask {
    await withUnsafeContinuation { continuation in
      let coordinator: UnsafeContinuation<Void, Never>? = state.withLock { state in
        state.waiting[lane] = continuation
        state.arrived += 1
        return state.arrived == count ? state.coordinator.take() : nil
      }
      coordinator?.resume()
    }
  }

  /// Returns once every lane waits for its first task.
  func assemble(isolation: isolated (any Actor)? = #isolation) async {
    await withUnsafeContinuation { continuation in
      let isComplete = state.withLock { state in
        if state.arrived < count { state.coordinator = continuation }
        return state.arrived == count
      }
      if isComplete { continuation.resume() }
    }
  }

  /// Hands a task to all lanes, which must be waiting, and returns once each has done its share.
  func perform(_ task: LaneTask, isolation: isolated (any Actor)? = #isolation) async {
    await withUnsafeContinuation { continuation in
      state.withLock { state in
        precondition(state.arrived == count)
        state.arrived = 0
        state.coordinator = continuation
      }
      handOut(task)
    }
  }

  /// Ends the lanes' loops. They must be waiting.
  func dismiss() { handOut(.stop) }

  private func handOut(_ task: LaneTask) {
    for lane in 0..<count { state.withLock { $0.waiting[lane].take() }?.resume(returning: task) }
  }
}
