/// A strict JSON reader (RFC 8259) that keeps positions and refuses duplicate keys, which Foundation's lets pass.
package struct JSONParser {
  /// Deeper nesting is refused: no configuration needs it, and recursion must end somewhere.
  package static let deepestNesting = 64

  private let bytes: [UInt8]
  private let file: String
  private var position = 0
  private var line = 1
  private var lineStart = 0

  /// - Parameter file: the name that locations carry.
  package static func parse(_ text: [UInt8], file: String) throws(ConfigurationError) -> JSON {
    var parser = JSONParser(bytes: text, file: file)
    parser.skipByteOrderMark()
    let value = try parser.value(depth: 0)
    parser.skipSpace()
    if parser.position < text.count { throw parser.error("expected the end of the file, found \(parser.found)") }
    return value
  }

  package static func parse(_ text: String, file: String) throws(ConfigurationError) -> JSON {
    try parse(Array(text.utf8), file: file)
  }

  private init(bytes: [UInt8], file: String) {
    self.bytes = bytes
    self.file = file
  }

  private var location: JSON.Location {
    JSON.Location(file: file, line: line, column: position - lineStart + 1)
  }

  private var found: String {
    guard position < bytes.count else { return "the end of the file" }
    let byte = bytes[position]
    return byte >= 0x20 && byte < 0x7F ? "'\(Character(UnicodeScalar(byte)))'" : "byte 0x\(String(byte, radix: 16))"
  }

  private func error(_ message: String) -> ConfigurationError {
    ConfigurationError(path: "", message: "not JSON: " + message, location: location)
  }

  private mutating func skipByteOrderMark() {
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
      position = 3
      lineStart = 3
    }
  }

  private mutating func skipSpace() {
    while position < bytes.count {
      switch bytes[position] {
      case UInt8(ascii: "\n"):
        line += 1
        lineStart = position + 1
      case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"): break
      default: return
      }
      position += 1
    }
  }

  private mutating func take(_ byte: Character) -> Bool {
    guard position < bytes.count, bytes[position] == byte.asciiValue else { return false }
    position += 1
    return true
  }

  private mutating func value(depth: Int) throws(ConfigurationError) -> JSON {
    skipSpace()
    guard depth <= Self.deepestNesting else { throw error("nested deeper than \(Self.deepestNesting) levels") }
    let start = location
    guard position < bytes.count else { throw error("expected a value, found the end of the file") }
    switch bytes[position] {
    case UInt8(ascii: "{"): return JSON(.object(try object(depth: depth)), at: start)
    case UInt8(ascii: "["): return JSON(.array(try array(depth: depth)), at: start)
    case UInt8(ascii: "\""): return JSON(.string(try string()), at: start)
    case UInt8(ascii: "t"): return JSON(try word("true", .boolean(true)), at: start)
    case UInt8(ascii: "f"): return JSON(try word("false", .boolean(false)), at: start)
    case UInt8(ascii: "n"): return JSON(try word("null", .null), at: start)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return JSON(.number(try number()), at: start)
    default: throw error("expected a value, found \(found)")
    }
  }

  private mutating func word(_ word: String, _ content: JSON.Content) throws(ConfigurationError) -> JSON.Content {
    guard bytes[position...].starts(with: word.utf8) else { throw error("expected a value, found \(found)") }
    position += word.utf8.count
    return content
  }

  private mutating func object(depth: Int) throws(ConfigurationError) -> [JSON.Member] {
    var members: [JSON.Member] = []
    var seen: [String: JSON.Location] = [:]
    position += 1
    skipSpace()
    if take("}") { return members }
    while true {
      skipSpace()
      let place = location
      guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else {
        throw error("expected a key in quotes, found \(found)")
      }
      let key = try string()
      if let first = seen.updateValue(place, forKey: key) {
        throw ConfigurationError(
          path: "", message: "the key \"\(key)\" is written twice in one object, first on line \(first.line)", location: place)
      }
      skipSpace()
      guard take(":") else { throw error("expected ':' after the key \"\(key)\", found \(found)") }
      members.append(JSON.Member(key, try value(depth: depth + 1)))
      skipSpace()
      if take("}") { return members }
      guard take(",") else { throw error("expected ',' or '}', found \(found)") }
    }
  }

  private mutating func array(depth: Int) throws(ConfigurationError) -> [JSON] {
    var elements: [JSON] = []
    position += 1
    skipSpace()
    if take("]") { return elements }
    while true {
      elements.append(try value(depth: depth + 1))
      skipSpace()
      if take("]") { return elements }
      guard take(",") else { throw error("expected ',' or ']', found \(found)") }
    }
  }

  private mutating func number() throws(ConfigurationError) -> String {
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
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  private mutating func digits() -> Int {
    let start = position
    while position < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[position]) { position += 1 }
    return position - start
  }

  private mutating func string() throws(ConfigurationError) -> String {
    position += 1
    var text: [UInt8] = []
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
      case 0..<0x20: throw error("a string may not contain a bare control character (\(found)); write it as an escape")
      default:
        text.append(byte)
        position += 1
      }
    }
    throw error("a string is not closed")
  }

  private mutating func escape() throws(ConfigurationError) -> Character {
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

  private mutating func hexadecimal() throws(ConfigurationError) -> UInt32 {
    guard position + 4 <= bytes.count,
      let code = UInt32(String(decoding: bytes[position..<position + 4], as: UTF8.self), radix: 16),
      bytes[position] != UInt8(ascii: "+"), bytes[position] != UInt8(ascii: "-")
    else { throw error("expected four hexadecimal digits after \\u") }
    position += 4
    return code
  }
}
