/// Text under construction that allocates nothing once it has grown to its working size.
package struct LineBuffer {
  /// The text is the first `count` bytes.
  package private(set) var bytes: [UInt8]
  package private(set) var count = 0
  private let powers = PowersOfTen.shared
  private let escapesMarkup: Bool

  /// Significant decimal digits of a value that must come back bit for bit as a `Float`.
  package static let exactDigits = 9
  /// Significant decimal digits of norms, where a relative error of 1e-5 is invisible.
  package static let normDigits = 5
  /// No formatted number is longer: sign, 17 digits, point, and an exponent of five characters.
  package static let longestNumber = 26

  /// - Parameter escapesMarkup: whether strings may stand inside an HTML `script` element.
  package init(capacity: Int = 1 << 16, escapesMarkup: Bool = true) {
    bytes = [UInt8](repeating: 0, count: capacity)
    self.escapesMarkup = escapesMarkup
  }

  package var text: ArraySlice<UInt8> { bytes[..<count] }

  /// The text of one number, for sentences and tables.
  package static func text(_ value: Double, digits: Int) -> String {
    var buffer = LineBuffer(capacity: longestNumber)
    buffer.number(value, digits: digits)
    return String(decoding: buffer.text, as: UTF8.self)
  }

  package mutating func removeAll() { count = 0 }

  private mutating func reserve(_ more: Int) {
    guard bytes.count - count < more else { return }
    let grown = max(bytes.count * 2, count + more)
    bytes.append(contentsOf: repeatElement(0, count: grown - bytes.count))
  }

  package mutating func byte(_ value: UInt8) {
    reserve(1)
    bytes[count] = value
    count += 1
  }

  /// Appends text that needs no escaping: keys and punctuation.
  package mutating func raw(_ text: StaticString) {
    reserve(text.utf8CodeUnitCount)
    text.withUTF8Buffer { utf8 in
      for unit in utf8 {
        bytes[count] = unit
        count += 1
      }
    }
  }

  package mutating func append(_ more: Span<UInt8>) {
    reserve(more.count)
    for index in more.indices {
      bytes[count] = more[index]
      count += 1
    }
  }

  package mutating func raw(_ text: String) {
    for unit in text.utf8 { byte(unit) }
  }

  package mutating func integer(_ value: Int) {
    if value < 0 { byte(UInt8(ascii: "-")) }
    integer(UInt64(value.magnitude))
  }

  package mutating func integer(_ value: UInt64) {
    reserve(Self.longestNumber)
    let start = count
    var out = bytes.mutableSpan
    let end = NumberText.write(value, into: &out, at: start)
    count = end
  }

  /// A number with at most `digits` significant digits; `"nan"`, `"inf"` and `"-inf"` as strings to stay strict JSON.
  package mutating func number(_ value: Double, digits: Int = exactDigits) {
    reserve(Self.longestNumber)
    let start = count
    let powers = self.powers
    var out = bytes.mutableSpan
    let end = NumberText.write(value, digits: digits, powers: powers, into: &out, at: start)
    count = end
  }

  /// The array `[value(0), value(1), …]` of `size` numbers.
  @inline(__always)
  package mutating func numbers(_ size: Int, digits: Int = normDigits, _ value: (Int) -> Double) {
    reserve(2 + size * (Self.longestNumber + 1))
    let powers = self.powers
    var position = count
    var out = bytes.mutableSpan
    out[position] = UInt8(ascii: "[")
    position += 1
    for index in 0..<size {
      if index > 0 {
        out[position] = UInt8(ascii: ",")
        position += 1
      }
      position = NumberText.write(value(index), digits: digits, powers: powers, into: &out, at: position)
    }
    out[position] = UInt8(ascii: "]")
    count = position + 1
  }

  /// A JSON string.
  package mutating func string(_ text: String) {
    byte(UInt8(ascii: "\""))
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": raw(#"\""#)
      case "\\": raw(#"\\"#)
      case "\n": raw(#"\n"#)
      case "\r": raw(#"\r"#)
      case "\t": raw(#"\t"#)
      case "\u{8}": raw(#"\b"#)
      case "\u{C}": raw(#"\f"#)
      case "\u{0}"..."\u{1F}": escape(scalar.value)
      case _ where escapesMarkup && Self.isMarkup(scalar): escape(scalar.value)
      default: for unit in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter { byte(unit) }
      }
    }
    byte(UInt8(ascii: "\""))
  }

  /// Whether a scalar could end a script or a line of it.
  private static func isMarkup(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case "<", ">", "&", "\u{7F}", "\u{2028}", "\u{2029}": true
    default: false
    }
  }

  private mutating func escape(_ value: UInt32) {
    raw(#"\u"#)
    for shift in [12, 8, 4, 0] as [UInt32] {
      let digit = UInt8(truncatingIfNeeded: (value >> shift) & 15)
      byte(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
    }
  }
}
