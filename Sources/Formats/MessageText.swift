/// Parts of error messages.
package enum MessageText {
  /// A piece of a file in quotes: printable, one line, at most 40 characters.
  package static func quoted(_ text: some StringProtocol) -> String {
    let longest = 40
    let shown = text.prefix(longest).map { character in
      character.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F } ? character : "\u{FFFD}"
    }
    return "\"" + String(shown) + (text.count > longest ? "…" : "") + "\""
  }

  /// The encoding that a text must have; it is never repaired.
  package static let unicode = "UTF-8"

  /// The first byte of a text that is not UTF-8.
  package static func flaw(of bytes: [UInt8]) -> String {
    do {
      _ = try UTF8Span(validating: bytes.span)
      return "UTF-8"
    } catch {
      let place = error.byteOffsets.lowerBound
      return "the byte 0x\(String(bytes[place], radix: 16)) in \(quoted(String(decoding: bytes, as: UTF8.self)))"
    }
  }

  /// A number of bytes in the largest unit of which there is at least one.
  package static func bytes(_ count: Int) -> String {
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB"]
    var value = Double(count)
    var unit = 0
    while value >= 1024 && unit < units.count - 1 {
      value /= 1024
      unit += 1
    }
    return unit == 0 ? "\(count) bytes" : "\((value * 10).rounded() / 10) \(units[unit])"
  }
}
