import Foundation

/// The request line and headers of an HTTP/1 request, as far as the page needs them.
struct RequestHead {
  let method: String
  let path: String
  /// The first value of each name.
  let query: [String: String]
  /// The values of all Host headers.
  private(set) var hosts: [String] = []
  private(set) var hasBody = false
  /// Whether the connection ends with the answer.
  private(set) var isLast: Bool

  private static let space = UInt8(ascii: " ")
  private static let tab = UInt8(ascii: "\t")
  private static let delete: UInt8 = 0x7F

  /// Nil for what is not HTTP/1, and for a target that is not a path: another server's address above all.
  ///
  /// - Parameter bytes: up to the empty line, without it.
  init?(_ bytes: [UInt8]) {
    let lines = bytes.split(separator: Array("\r\n".utf8), omittingEmptySubsequences: false)
    guard let first = lines.first,
      lines.allSatisfy({ $0.allSatisfy { ($0 >= Self.space && $0 != Self.delete) || $0 == Self.tab } })
    else { return nil }
    let words = Self.text(first).split(separator: " ", omittingEmptySubsequences: false)
    guard words.count == 3, !words[0].isEmpty, words[1].hasPrefix("/"), ["HTTP/1.0", "HTTP/1.1"].contains(words[2])
    else { return nil }
    method = String(words[0])
    isLast = words[2] == "HTTP/1.0"
    let target = words[1].split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    path = String(target[0])
    query = Self.query(target.count > 1 ? target[1] : "")
    for line in lines.dropFirst() {
      let parts = line.split(separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
      // A space around the name would hide the header from a reader that is less strict.
      guard parts.count == 2, !parts[0].isEmpty, parts[0].allSatisfy({ $0 > Self.space && $0 < Self.delete })
      else { return nil }
      let value = Self.text(parts[1]).trimmingCharacters(in: CharacterSet(charactersIn: " \t"))
      switch Self.text(parts[0]).lowercased() {
      case "host": hosts.append(value)
      case "content-length": hasBody = hasBody || value != "0"
      case "transfer-encoding": hasBody = true
      case "connection": isLast = isLast || value.lowercased().contains("close")
      default: break
      }
    }
  }

  private static func text(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }

  private static func query(_ text: Substring) -> [String: String] {
    let members = text.split(separator: "&").map { member in
      member.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map {
        $0.removingPercentEncoding ?? String($0)
      }
    }
    return Dictionary(members.map { ($0[0], $0.count > 1 ? $0[1] : "") }) { first, _ in first }
  }
}
