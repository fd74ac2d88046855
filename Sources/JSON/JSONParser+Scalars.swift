extension JSONParser {
  mutating func number() throws(JSONError) -> JSON.Number {
    let start = position
    let isNegative = take("-")
    var mantissa: UInt64 = 0
    var digitCount = take("0") ? 1 : digits(into: &mantissa)
    if digitCount == 0 { throw error("expected a digit, found \(found)") }
    var exponent = 0
    if take(".") {
      let fractionCount = digits(into: &mantissa)
      if fractionCount == 0 { throw error("expected a digit after the decimal point, found \(found)") }
      digitCount += fractionCount
      exponent = -fractionCount
    }
    var power: UInt64 = 0
    var powerCount = 0
    if take("e") || take("E") {
      let isSmall = !take("+") && take("-")
      powerCount = digits(into: &power)
      if powerCount == 0 { throw error("expected a digit in the exponent, found \(found)") }
      exponent = exponent &+ (isSmall ? 0 &- Int(truncatingIfNeeded: power) : Int(truncatingIfNeeded: power))
    }
    if position < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[position]) {
      throw error("a number cannot start with 0 unless it is 0 or 0.…")
    }
    let isWhole = max(digitCount, powerCount) <= Self.mostDigits
    return JSON.Number(
      try text(start..<position),
      decimal: isWhole ? JSON.Number.Decimal(isNegative: isNegative, mantissa: mantissa, exponent: exponent) : nil)
  }

  /// This many digits fit a `UInt64`, and as an exponent an `Int`.
  private static let mostDigits = 18

  /// Takes digits and appends them to `number`, which overflows silently.
  /// - Returns: their number.
  private mutating func digits(into number: inout UInt64) -> Int {
    let start = position
    while position < bytes.count {
      let digit = bytes[position] &- UInt8(ascii: "0")
      guard digit < 10 else { break }
      number = number &* 10 &+ UInt64(digit)
      position += 1
    }
    return position - start
  }

  private func text(_ range: Range<Int>) throws(JSONError) -> String {
    guard let text = try? UTF8Span(validating: bytes.extracting(range)) else {
      if isSkipped { return "" }
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

  /// The rest of a string that has been read from `start` to its first backslash.
  private mutating func escapedString(from start: Int) throws(JSONError) -> String {
    var text: [UInt8] = []
    for index in start..<position { text.append(bytes[index]) }
    while position < bytes.count {
      let byte = bytes[position]
      switch byte {
      case UInt8(ascii: "\""):
        position += 1
        guard let string = String(validating: text, as: UTF8.self) else {
          if isSkipped { return "" }
          throw error("a string is not valid UTF-8")
        }
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
      if isSkipped, (0xD800..<0xE000).contains(code) { return "\u{FFFD}" }
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
