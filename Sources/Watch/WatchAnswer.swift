import Foundation

/// An answer to one request.
struct WatchAnswer {
  enum Status: String {
    case ok = "200 OK"
    case noContent = "204 No Content"
    case badRequest = "400 Bad Request"
    case forbidden = "403 Forbidden"
    case notFound = "404 Not Found"
    case methodNotAllowed = "405 Method Not Allowed"
    case contentTooLarge = "413 Content Too Large"
    case headersTooLarge = "431 Request Header Fields Too Large"
  }

  let status: Status
  private let content: (type: String, bytes: [UInt8])?
  /// Whether the connection ends with it.
  var isLast = false

  private static let policy =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src 'self' data:; "
    + "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

  /// Such as `Mon, 30 Nov 2026 19:58:33 GMT`.
  private static let dateStyle = Date.VerbatimFormatStyle(
    format: """
      \(weekday: .abbreviated), \(day: .twoDigits) \(month: .abbreviated) \(year: .padded(4)) \
      \(hour: .twoDigits(clock: .twentyFourHour, hourCycle: .zeroBased)):\(minute: .twoDigits):\(second: .twoDigits) GMT
      """,
    locale: Locale(identifier: "en_US_POSIX"), timeZone: .gmt, calendar: Calendar(identifier: .gregorian))

  init(_ bytes: [UInt8], _ type: String) {
    status = .ok
    content = (type, bytes)
  }

  /// The browser has the newest version already.
  static let noContent = WatchAnswer()

  private init() {
    status = .noContent
    content = nil
  }

  /// Ends the connection, so that a body is never read as the next request.
  init(refusing status: Status, _ reason: String) {
    self.status = status
    content = ("text/plain; charset=utf-8", Array("\(reason)\n".utf8))
    isLast = true
  }

  /// As they are sent.
  var bytes: [UInt8] {
    var lines = ["HTTP/1.1 \(status.rawValue)"]
    if let content {
      lines += [
        "Content-Type: \(content.type)", "Cache-Control: no-store", "Content-Security-Policy: \(Self.policy)",
        "X-Content-Type-Options: nosniff", "Content-Length: \(content.bytes.count)",
      ]
    }
    lines.append("Date: \(Date.now.formatted(Self.dateStyle))")
    if isLast { lines.append("Connection: close") }
    return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + (content?.bytes ?? [])
  }
}
