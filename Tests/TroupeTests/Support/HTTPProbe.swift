import Foundation

/// A connection to the page with bytes of the test's choice, beyond those that a browser would send.
final class HTTPConnection {
  private let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)

  /// - Parameter address: as `troupe watch` prints it, `http://127.0.0.1:8642/`.
  init(_ address: String) throws {
    let parts = Self.place(of: address).split(separator: ":")
    var target = sockaddr_in()
    target.sin_family = sa_family_t(AF_INET)
    target.sin_port = in_port_t(UInt16(parts[1]) ?? 0).bigEndian
    inet_pton(AF_INET, String(parts[0]), &target.sin_addr)
    let size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let connected = withUnsafePointer(to: target) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(socket, $0, size) }
    }
    guard connected == 0 else { throw POSIXError(.ECONNREFUSED) }
  }

  deinit { close(socket) }

  /// Host and port.
  static func place(of address: String) -> String { String(address.split(separator: "/")[1]) }

  /// Whether the server still takes bytes.
  @discardableResult func send(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    return Glibc.send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count
  }

  /// All bytes until the server closes the connection; nil if it is still open after `seconds` without one.
  func receiveAll(seconds: Int = 60) -> Data? {
    var limit = timeval(tv_sec: seconds, tv_usec: 0)
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    var answer = Data()
    var block = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = recv(socket, &block, block.count, 0)
      if count < 0, errno == EAGAIN { return nil }
      guard count > 0 else { return answer }
      answer.append(contentsOf: block[..<count])
    }
  }
}

/// One request on a connection of its own, and its answer.
struct HTTPProbe {
  let status: Int
  let headers: String
  let body: Data

  var text: String { String(decoding: body, as: UTF8.self) }

  init(_ address: String, _ path: String, method: String = "GET", host: String? = nil) throws {
    let host = host ?? HTTPConnection.place(of: address)
    try self.init(
      address,
      request: "\(method) \(path) HTTP/1.1\r\nHost: \(host)\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
  }

  /// - Parameter request: all bytes of it, after which the server must close the connection.
  init(_ address: String, request: String) throws {
    let connection = try HTTPConnection(address)
    // A server that refuses the request may close before it has taken all of it.
    connection.send(request)
    guard let answer = connection.receiveAll() else { throw POSIXError(.ETIMEDOUT) }
    let end = answer.range(of: Data("\r\n\r\n".utf8)) ?? answer.endIndex..<answer.endIndex
    headers = String(decoding: answer[..<end.lowerBound], as: UTF8.self).lowercased()
    body = answer[end.upperBound...]
    status = headers.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
  }
}
