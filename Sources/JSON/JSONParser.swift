/// A strict JSON reader (RFC 8259) that keeps positions and refuses duplicate keys, which Foundation's accepts.
package struct JSONParser: ~Escapable {
  /// Deeper nesting is refused, so that recursion is bounded.
  package static let deepestNesting = 64
  /// More values are refused, so that a text of `[0,0,…` cannot fill the memory.
  package static let mostValues = 4_000_000

  let bytes: Span<UInt8>
  var position = 0
  private let file: String?
  private var line = 1
  private var lineStart = 0
  private var valueCount = 0
  /// The keys of the outermost object that are read; nil for all.
  private var readKeys: Set<String>?
  /// Whether the value at the position is of a key that is not read.
  var isSkipped = false

  /// - Parameter file: the name in locations; without one the values have no locations, and are read faster.
  package static func parse(_ text: Span<UInt8>, file: String? = nil) throws(JSONError) -> JSON {
    var parser = JSONParser(text, file: file)
    parser.skipByteOrderMark()
    let value = try parser.value(depth: 0)
    parser.skipSpace()
    if parser.position < text.count { throw parser.error("expected the end of the file, found \(parser.found)") }
    return value
  }

  /// Reads an object of which only some keys matter.
  ///
  /// Other keys may hold what other writers take for JSON: NaN, infinities, halves of surrogate pairs, bytes that are
  /// not UTF-8. They may also come twice.
  package static func parseObject(_ text: Span<UInt8>, reading keys: Set<String>) throws(JSONError) -> JSON {
    var parser = JSONParser(text, file: nil)
    parser.readKeys = keys
    parser.skipByteOrderMark()
    let value = try parser.value(depth: 0)
    parser.skipSpace()
    if parser.position < text.count { throw parser.error("expected the end of the file, found \(parser.found)") }
    return value
  }

  @_lifetime(copy bytes)
  private init(_ bytes: Span<UInt8>, file: String?) {
    self.bytes = bytes
    self.file = file
  }

  private var location: JSON.Location? {
    file.map { JSON.Location(file: $0, line: line, column: position - lineStart + 1) }
  }

  var found: String {
    guard position < bytes.count else { return "the end of the file" }
    let byte = bytes[position]
    return byte >= 0x20 && byte < 0x7F ? "'\(Character(UnicodeScalar(byte)))'" : "byte 0x\(String(byte, radix: 16))"
  }

  func error(_ message: String) -> JSONError {
    JSONError(message: "not JSON: " + message, offset: position, location: location)
  }

  private mutating func skipByteOrderMark() {
    let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
    guard bytes.count >= mark.count, mark.indices.allSatisfy({ mark[$0] == bytes[$0] }) else { return }
    position = mark.count
    lineStart = mark.count
  }

  private mutating func skipSpace() {
    while position < bytes.count {
      let byte = bytes[position]
      switch byte {
      case UInt8(ascii: "\n"):
        line += 1
        lineStart = position + 1
      case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"): break
      default: return
      }
      position += 1
    }
  }

  mutating func take(_ unit: Unicode.Scalar) -> Bool {
    guard position < bytes.count, UInt32(bytes[position]) == unit.value else { return false }
    position += 1
    return true
  }

  private mutating func value(depth: Int) throws(JSONError) -> JSON {
    skipSpace()
    guard depth <= Self.deepestNesting else { throw error("nested deeper than \(Self.deepestNesting) levels") }
    valueCount += 1
    guard valueCount <= Self.mostValues else { throw error("more than \(Self.mostValues) values") }
    let start = location
    let content = try content(depth: depth)
    return JSON(content, at: start)
  }

  private mutating func content(depth: Int) throws(JSONError) -> JSON.Content {
    guard position < bytes.count else { throw error("expected a value, found the end of the file") }
    let byte = bytes[position]
    switch byte {
    case UInt8(ascii: "{"): return .object(try object(depth: depth))
    case UInt8(ascii: "["): return .array(try array(depth: depth))
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .boolean(true))
    case UInt8(ascii: "f"): return try word("false", .boolean(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case UInt8(ascii: "N") where isSkipped: return try word("NaN", .null)
    case UInt8(ascii: "I") where isSkipped: return try word("Infinity", .null)
    case UInt8(ascii: "-") where isSkipped && position + 1 < bytes.count && bytes[position + 1] == UInt8(ascii: "I"):
      return try word("-Infinity", .null)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number(try number())
    default: throw error("expected a value, found \(found)")
    }
  }

  private mutating func word(_ word: String, _ content: JSON.Content) throws(JSONError) -> JSON.Content {
    var end = position
    for unit in word.utf8 {
      guard end < bytes.count, bytes[end] == unit else { throw error("expected a value, found \(found)") }
      end += 1
    }
    position = end
    return content
  }

  private mutating func object(depth: Int) throws(JSONError) -> [JSON.Member] {
    var members: [JSON.Member] = []
    var keys = JSONKeys()
    position += 1
    skipSpace()
    if take("}") { return members }
    while true {
      skipSpace()
      let (place, offset) = (location, position)
      guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else {
        throw error("expected a key in quotes, found \(found)")
      }
      let isOutermost = depth == 0 && readKeys != nil
      isSkipped = isSkipped || isOutermost
      let key = try string()
      let isRead = readKeys?.contains(key) == true
      if isOutermost, isRead { isSkipped = false }
      if !isSkipped, let first = keys.insert(key, line: line, members: members) {
        let message = "the key \"\(key)\" is written twice in one object, first on line \(first)"
        throw JSONError(message: message, offset: offset, location: place)
      }
      skipSpace()
      guard take(":") else { throw error("expected ':' after the key \"\(key)\", found \(found)") }
      let member = JSON.Member(key, try value(depth: depth + 1))
      if isOutermost { isSkipped = false }
      if !isOutermost || isRead { members.append(member) }
      skipSpace()
      if take("}") { return members }
      guard take(",") else { throw error("expected ',' or '}', found \(found)") }
    }
  }

  private mutating func array(depth: Int) throws(JSONError) -> [JSON] {
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
}

/// The keys of one object so far, with their lines.
private struct JSONKeys {
  /// Up to this number, comparing with each earlier key is faster than hashing.
  private static let mostCompared = 16

  private var lines: [Int] = []
  private var numbers: [String: Int] = [:]

  /// - Parameter members: those before this key.
  /// - Returns: the line of an equal key before this one.
  mutating func insert(_ key: String, line: Int, members: [JSON.Member]) -> Int? {
    let number = members.count
    lines.append(line)
    if number < Self.mostCompared {
      return members.firstIndex { $0.key == key }.map { lines[$0] }
    }
    if number == Self.mostCompared {
      for (number, member) in members.enumerated() { numbers[member.key] = number }
    }
    return numbers.updateValue(number, forKey: key).map { lines[$0] }
  }
}
