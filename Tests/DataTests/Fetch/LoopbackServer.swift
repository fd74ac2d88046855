import Foundation
import Glibc
import Synchronization

/// A small HTTP server on 127.0.0.1 that answers GET with the files it is given, ranges too.
final class LoopbackServer: Sendable {
  struct Behavior: Sendable {
    var files: [String: [UInt8]] = [:]
    var knowsRanges = true
    /// The connection is cut after so many bytes of a body.
    var cutAfter: Int?
    var status: Int?
  }

  let port: UInt16
  let behavior: Mutex<Behavior>
  /// Request line and range of every request.
  let requests = Mutex<[String]>([])
  private let listener: Int32

  var base: String { "http://127.0.0.1:\(port)" }

  init(_ files: [String: [UInt8]]) throws {
    behavior = Mutex(Behavior(files: files))
    listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let descriptor = listener
    let status = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        bind(descriptor, address, size) == 0 && listen(descriptor, 8) == 0
          && getsockname(descriptor, address, &size) == 0
      }
    }
    guard listener >= 0, status else { throw POSIXError(.EADDRNOTAVAIL) }
    port = UInt16(bigEndian: address.sin_port)
    // Closing it alone would not wake the thread that accepts.
    Thread { [weak self] in
      while true {
        let connection = accept(descriptor, nil, nil)
        guard connection >= 0 else { return }
        self?.answer(connection)
        close(connection)
      }
    }.start()
  }

  deinit {
    shutdown(listener, Int32(SHUT_RDWR))
    close(listener)
  }

  private func answer(_ connection: Int32) {
    var request: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 4096)
    while !String(decoding: request, as: UTF8.self).contains("\r\n\r\n") {
      let count = recv(connection, &piece, piece.count, 0)
      guard count > 0 else { return }
      request += piece.prefix(count)
    }
    let lines = String(decoding: request, as: UTF8.self).components(separatedBy: "\r\n")
    let range = lines.first { $0.lowercased().hasPrefix("range: bytes=") }
    requests.withLock { $0.append(lines[0] + (range.map { " " + $0.dropFirst(7) } ?? "")) }
    let behavior = behavior.withLock { $0 }
    let path = lines[0].split(separator: " ").dropFirst().first.map(String.init) ?? ""
    guard let file = behavior.files[String(path.dropFirst())], behavior.status == nil else {
      return send(
        connection, "HTTP/1.1 \(behavior.status ?? 404) No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno", [])
    }
    let start = range.flatMap { Int($0.dropFirst("range: bytes=".count).prefix { $0 != "-" }) } ?? 0
    guard behavior.knowsRanges, range != nil else {
      return send(
        connection, "HTTP/1.1 200 OK\r\nContent-Length: \(file.count)\r\nConnection: close\r\n\r\n",
        Array(file.prefix(behavior.cutAfter ?? file.count)))
    }
    guard start < file.count else {
      return send(
        connection,
        "HTTP/1.1 416 No\r\nContent-Range: bytes */\(file.count)\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", [])
    }
    let rest = Array(file[start...])
    send(
      connection,
      "HTTP/1.1 206 Part\r\nContent-Range: bytes \(start)-\(file.count - 1)/\(file.count)\r\n"
        + "Content-Length: \(rest.count)\r\nConnection: close\r\n\r\n",
      Array(rest.prefix(behavior.cutAfter ?? rest.count)))
  }

  private func send(_ connection: Int32, _ head: String, _ body: [UInt8]) {
    var bytes = Array(head.utf8) + body
    while !bytes.isEmpty {
      let count = Glibc.send(connection, bytes, bytes.count, Int32(MSG_NOSIGNAL))
      guard count > 0 else { return }
      bytes.removeFirst(count)
    }
  }
}
