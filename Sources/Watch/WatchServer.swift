import FlyingSocks
import Foundation
import Reports

/// Why the page cannot be served, in one line.
package struct WatchError: Error, CustomStringConvertible, Sendable {
  package let description: String
}

/// Serves the page of `troupe watch` to browsers on this machine only.
///
/// It listens on 127.0.0.1, answers only GET, and only requests whose one Host header names this machine: a page from
/// elsewhere that points its own name here (DNS rebinding) is refused. Of a request, only the name of an image that is
/// in the list of images becomes part of a path.
package struct WatchServer: Sendable {
  private let responder: WatchResponder

  package init(_ runs: WatchedRuns) { responder = WatchResponder(runs: runs, page: Report.watchPage) }

  /// Serves until the task is canceled.
  ///
  /// - Parameters:
  ///   - port: 0 for any that is free.
  ///   - ready: receives the address once the page can be opened.
  package func serve(port: UInt16, ready: @escaping @Sendable (String) -> Void) async throws(WatchError) {
    do {
      let listener = try Socket(domain: Int32(AF_INET))
      defer { try? listener.close() }
      // The port of a server that has just ended can be taken again.
      try listener.setValue(true, for: .localAddressReuse)
      try listener.bind(to: .inet(ip4: Self.host, port: port))
      try listener.listen()
      guard case .ip4(_, let port) = try listener.sockname() else { throw SocketError.unsupportedAddress }
      let pool: SocketPool<ePoll> = .ePoll()
      try await pool.prepare()
      let connections = WatchConnections(responder, on: try AsyncSocket(socket: listener, pool: pool))
      ready("http://\(Self.host):\(port)/")
      try await withThrowingTaskGroup { group in
        group.addTask { try await pool.run() }
        group.addTask { try await connections.accept() }
        group.addTask { try await connections.closeOverdue() }
        defer { group.cancelAll() }
        try await group.next()
      }
    } catch {
      if Task.isCancelled { return }
      if case SocketError.failed(_, EADDRINUSE, _) = error {
        throw WatchError(
          description: "--port \(port): another program listens there; name another port, or 0 for any that is free")
      }
      throw WatchError(description: "cannot listen on \(Self.host), port \(port): \(error.localizedDescription)")
    }
  }

  static let host = "127.0.0.1"
}
