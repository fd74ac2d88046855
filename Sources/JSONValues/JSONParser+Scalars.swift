extension JSONParser {
  /// The number as it is written.
  mutating func number() throws(JSONError) -> String {
    let start = position
    _ = take("-")
    if !take("0"), digits() == 0 { throw error("expected a digit, found \(found)") }
    if take("."), digits() == 0 { throw error("expected a digit after the decimal point, found \(found)") }
    if take("e") || take("E") {
      if !take("+") { _ = take("-") }
      if digits() == 0 { throw error("expected a digit in the exponent, found \(found)") }
    }
    if position < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[position]) {
      throw error("a number cannot start with 0 unless it is 0 or 0.…")
    }
    return try text(start..<position)
  }

  private mutating func digits() -> Int {
    let start = position
    while position < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[position]) { position += 1 }
    return position - start
  }

  private func text(_ range: Range<Int>) throws(JSONError) -> String {
    guard let text = try? UTF8Span(validating: bytes.extracting(range)) else {
      throw error("a string is not valid UTF-8")
    }
    return String(copying: text)
  }

  mutating func string() throws(JSONError) -> String {
    position += 1
    let start = position
    while position < bytes.count {
      let byte = bytes[position]
      switch byte {
      case UInt8(ascii: "\""):
        position += 1
        return try text(start..<position - 1)
      case UInt8(ascii: "\\"): return try escapedString(from: start)
      case 0..<0x20: throw bareControlCharacter
      default: position += 1
      }
    }
    throw error("a string is not closed")
  }

  private var bareControlCharacter: JSONError {
    error("a string may not contain a bare control character (\(found)); write it as an escape")
  }

  /// A string of which the part from `start` to the first backslash has been read.
  private mutating func escapedString(from start: Int) throws(JSONError) -> String {
    var text: [UInt8] = []
    for index in start..<position { text.append(bytes[index]) }
    while position < bytes.count {
      let byte = bytes[position]
      switch byte {
      case UInt8(ascii: "\""):
        position += 1
        guard let string = String(validating: text, as: UTF8.self) else { throw error("a string is not valid UTF-8") }
        return string
      case UInt8(ascii: "\\"):
        position += 1
        text += String(try escape()).utf8
      case 0..<0x20: throw bareControlCharacter
      default:
        text.append(byte)
        position += 1
      }
    }
    throw error("a string is not closed")
  }

  private mutating func escape() throws(JSONError) -> Character {
    guard position < bytes.count else { throw error("a string is not closed") }
    let byte = bytes[position]
    position += 1
    switch byte {
    case UInt8(ascii: "\""): return "\""
    case UInt8(ascii: "\\"): return "\\"
    case UInt8(ascii: "/"): return "/"
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"):
      var code = try hexadecimal()
      if (0xD800..<0xDC00).contains(code), take("\\"), take("u") {
        let low = try hexadecimal()
        guard (0xDC00..<0xE000).contains(low) else { throw error("half a surrogate pair in a \\u escape") }
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
      }
      guard let scalar = UnicodeScalar(code) else { throw error("half a surrogate pair in a \\u escape") }
      return Character(scalar)
    default:
      position -= 1
      throw error("unknown escape \\\(found)")
    }
  }

  private mutating func hexadecimal() throws(JSONError) -> UInt32 {
    let end = position + 4
    var code: UInt32 = 0
    while position < end {
      guard position < bytes.count, let digit = Character(UnicodeScalar(bytes[position])).hexDigitValue else {
        throw error("expected four hexadecimal digits after \\u")
      }
      code = code << 4 | UInt32(digit)
      position += 1
    }
    return code
  }
}
