import FlyingSocks
import Foundation

/// The open connections to the page.
///
/// Their number is bounded, and a new connection takes the place of the one whose browser has kept the server waiting
/// longest; so idle connections lock nobody out.
actor WatchConnections {
  /// A browser opens six. Where the process may have few descriptors, most of them are for reading runs.
  private static let mostOpen = max(1, min(64, sysconf(Int32(_SC_OPEN_MAX)) / 4))
  /// The time that a browser has for the head of a request, and for taking a piece of an answer.
  private static let patience = Duration.seconds(10)
  private static let pause = Duration.milliseconds(500)
  private static let headEnd = Array("\r\n\r\n".utf8)
  /// Cookies of all servers on this machine are in a request's head.
  private static let largestHead = 64 << 10
  private static let pieceSize = 64 << 10

  private struct Connection {
    let task: Task<Void, Never>
    /// The start of the browser's turn; nil while the server works on an answer.
    var waitingSince: ContinuousClock.Instant?
  }

  private let responder: WatchResponder
  private let listener: AsyncSocket
  private var open: [Socket: Connection] = [:]

  init(_ responder: WatchResponder, on listener: AsyncSocket) {
    self.responder = responder
    self.listener = listener
  }

  /// Accepts and serves connections until the task is canceled.
  func accept() async throws {
    defer { for connection in open.values { connection.task.cancel() } }
    while true {
      do {
        try await admit(listener.accept())
      } catch SocketError.failed {
        // The browser has gone already, or no descriptor is free.
        if await !closeLongestWaiting() { try await Task.sleep(for: Self.pause) }
      }
    }
  }

  /// Closes connections whose browser takes too long, until the task is canceled.
  func closeOverdue() async throws {
    while true {
      try await Task.sleep(for: Self.pause)
      let limit = ContinuousClock.now - Self.patience
      for connection in open.values {
        if let start = connection.waitingSince, start < limit { connection.task.cancel() }
      }
    }
  }

  /// Whether there was a connection that waits for its browser.
  private func closeLongestWaiting() async -> Bool {
    let waiting = open.values.compactMap { connection in connection.waitingSince.map { ($0, connection.task) } }
    guard let (_, task) = waiting.min(by: { $0.0 < $1.0 }) else { return false }
    task.cancel()
    await task.value
    return true
  }

  private func admit(_ socket: AsyncSocket) async {
    while open.count >= Self.mostOpen {
      guard await closeLongestWaiting() else {
        // The server is at work for all of them.
        try? socket.close()
        return
      }
    }
    let task = Task {
      // A connection that fails concerns its browser only.
      try? await answerRequests(on: socket)
      open[socket.socket] = nil
      try? socket.close()
    }
    open[socket.socket] = Connection(task: task, waitingSince: .now)
  }

  private func answerRequests(on socket: AsyncSocket) async throws {
    try socket.socket.setValue(true, for: BoolSocketOption(level: Int32(IPPROTO_TCP), name: TCP_NODELAY))
    var received: [UInt8] = []
    var answer: WatchAnswer
    repeat {
      open[socket.socket]?.waitingSince = .now
      let head = try await nextHead(on: socket, &received)
      open[socket.socket]?.waitingSince = nil
      answer = await self.answer(head)
      try await send(answer.bytes, on: socket)
    } while !answer.isLast
  }

  private func answer(_ head: [UInt8]?) async -> WatchAnswer {
    guard let head else { return WatchAnswer(refusing: .headersTooLarge, "at most \(Self.largestHead) bytes") }
    guard let request = RequestHead(head) else {
      return WatchAnswer(refusing: .badRequest, "expected HTTP/1 and a path")
    }
    return await responder.answer(request)
  }

  /// The bytes up to the next empty line; nil if there are too many. Those behind the line stay in `received`.
  private func nextHead(on socket: AsyncSocket, _ received: inout [UInt8]) async throws -> [UInt8]? {
    var searched = 0
    while true {
      if let end = received[searched...].firstRange(of: Self.headEnd) {
        defer { received.removeFirst(end.upperBound) }
        return Array(received[..<end.lowerBound])
      }
      guard received.count < Self.largestHead else { return nil }
      searched = max(0, received.count - Self.headEnd.count + 1)
      received += try await socket.read(atMost: Self.largestHead - received.count)
    }
  }

  private func send(_ bytes: [UInt8], on socket: AsyncSocket) async throws {
    for start in stride(from: 0, to: bytes.count, by: Self.pieceSize) {
      try Task.checkCancellation()
      open[socket.socket]?.waitingSince = .now
      try await socket.write(Data(bytes[start..<min(start + Self.pieceSize, bytes.count)]))
    }
  }
}
