extension JSON {
  /// The number as float64, if it is one and representable.
  package var double: Double? {
    guard case .number(let text) = content, let value = Self.value(of: text), value.isFinite else { return nil }
    return value
  }

  /// The number, or what the strings "nan", "inf" and "-inf" stand for: the inverse of `number(_:)`.
  package var floatingPoint: Double? {
    switch content {
    case .number(let text): Self.value(of: text)
    case .string("nan"): .nan
    case .string("inf"): .infinity
    case .string("-inf"): -.infinity
    default: nil
    }
  }

  /// The number as an integer, if it is whole: `5`, `5.0` and `5e2` are.
  package var integer: Int? {
    guard case .number(let text) = content else { return nil }
    if let exact = Int(text) { return exact }
    guard let value = Double(text), value == value.rounded(), abs(value) < 0x1p53 else { return nil }
    return Int(value)
  }

  /// A number that is written without sign, fraction and exponent and fits: seeds keep all their bits.
  package var unsigned: UInt64? {
    guard case .number(let text) = content, !text.utf8.starts(with: "-".utf8) else { return nil }
    return UInt64(text)
  }

  /// A number from 0 to `Int.max` that is written without sign, fraction and exponent.
  package var count: Int? { unsigned.flatMap { Int(exactly: $0) } }

  private static let exactPowers: [Double] = [
    1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
  ]
  /// So many digits are below 2⁵³.
  private static let exactDigits = 15

  /// The value of a JSON number, correctly rounded; infinite where it is too large.
  ///
  /// Nearly every number has few digits and a small exponent: then mantissa and power of ten are both exact, and one
  /// multiplication or division rounds correctly (Clinger, "How to Read Floating Point Numbers Accurately", 1990).
  private static func value(of text: String) -> Double? {
    let bytes = text.utf8Span.span
    var position = 0
    let isNegative = text.utf8.first == UInt8(ascii: "-")
    if isNegative { position = 1 }
    var mantissa = 0
    var digits = 0
    var fraction = 0
    var isFraction = false
    while position < bytes.count {
      let byte = bytes[position]
      if byte == UInt8(ascii: ".") {
        isFraction = true
      } else if byte | 0x20 == UInt8(ascii: "e") {
        break
      } else {
        guard digits < exactDigits else { return Double(text) }
        mantissa = mantissa * 10 + Int(byte &- UInt8(ascii: "0"))
        digits += 1
        if isFraction { fraction += 1 }
      }
      position += 1
    }
    var exponent = 0
    if position < bytes.count {
      position += 1
      let isSmall = bytes[position] == UInt8(ascii: "-")
      if isSmall || bytes[position] == UInt8(ascii: "+") { position += 1 }
      guard bytes.count - position <= 2 else { return Double(text) }
      while position < bytes.count {
        exponent = exponent * 10 + Int(bytes[position] &- UInt8(ascii: "0"))
        position += 1
      }
      if isSmall { exponent = -exponent }
    }
    exponent -= fraction
    guard abs(exponent) < exactPowers.count else { return Double(text) }
    let magnitude =
      exponent < 0 ? Double(mantissa) / exactPowers[-exponent] : Double(mantissa) * exactPowers[exponent]
    return isNegative ? -magnitude : magnitude
  }
}
