import Dispatch
import FlyingSocks

/// Suspends a task until its socket is ready, with one dispatch source per wait.
///
/// FlyingSocks' own pool resumes the task before it takes the descriptor out of epoll. Where the task closes it first,
/// the pool keeps the number as registered, and the next connection with that number never wakes up. A dispatch source
/// runs its cancel handler after the descriptor is out of epoll.
struct SocketEvents: AsyncSocketPool {
  func prepare() async throws {}
  func run() async throws {}

  func suspendSocket(_ socket: Socket, untilReadyFor events: Socket.Events) async throws {
    // Sources may be canceled from any thread.
    nonisolated(unsafe) let source: any DispatchSourceProtocol =
      events.contains(.write)
      ? DispatchSource.makeWriteSource(fileDescriptor: socket.file.rawValue)
      : DispatchSource.makeReadSource(fileDescriptor: socket.file.rawValue)
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        source.setEventHandler { source.cancel() }
        source.setCancelHandler { continuation.resume() }
        source.activate()
      }
    } onCancel: {
      source.cancel()
    }
    try Task.checkCancellation()
  }
}
