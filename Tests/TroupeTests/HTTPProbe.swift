import Foundation

/// One request over its own socket, with any headers, also those that a browser would not send.
struct HTTPProbe {
  let status: Int
  let headers: String
  let body: Data

  var text: String { String(decoding: body, as: UTF8.self) }

  /// - Parameter address: as `troupe watch` says it, `http://127.0.0.1:8642/`.
  init(_ address: String, _ path: String, method: String = "GET", host: String? = nil) throws {
    let place = address.split(separator: "/")[1]
    let parts = place.split(separator: ":")
    let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(socket) }
    var target = sockaddr_in()
    target.sin_family = sa_family_t(AF_INET)
    target.sin_port = in_port_t(UInt16(parts[1]) ?? 0).bigEndian
    inet_pton(AF_INET, String(parts[0]), &target.sin_addr)
    let size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let connected = withUnsafePointer(to: target) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(socket, $0, size) }
    }
    guard connected == 0 else { throw POSIXError(.ECONNREFUSED) }
    let request = Array(
      "\(method) \(path) HTTP/1.1\r\nHost: \(host ?? String(place))\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        .utf8)
    guard send(socket, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else {
      throw POSIXError(.EPIPE)
    }
    var answer = Data()
    var block = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = recv(socket, &block, block.count, 0)
      guard count > 0 else { break }
      answer.append(contentsOf: block[..<count])
    }
    let end = answer.range(of: Data("\r\n\r\n".utf8)) ?? answer.endIndex..<answer.endIndex
    headers = String(decoding: answer[..<end.lowerBound], as: UTF8.self).lowercased()
    body = answer[end.upperBound...]
    status = headers.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
  }
}
