extension CSVReader {
  /// A number in both precisions, each rounded from the text.
  struct Number {
    let float: Float
    let double: Double
  }

  /// The cell as a number that is finite as float32; nil for anything else, NaN and infinities included.
  func number(_ cell: Cell) -> Number? {
    let range = trimmed(cell.range)
    if let simple = simpleDecimal(range) { return Number(float: Float(simple), double: simple) }
    // The general parser also reads hexadecimal and the names of infinity and NaN, which tables do not mean.
    let allowed = bytes[range].allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
        UInt8(ascii: "e"), UInt8(ascii: "E"):
        true
      default: false
      }
    }
    let text = String(decoding: bytes[range], as: UTF8.self)
    guard allowed, let value = Float(text), value.isFinite, let double = Double(text) else { return nil }
    return Number(float: value, double: double)
  }

  /// Digits with at most one point: exact in float64 while mantissa and power of ten are exact themselves
  /// (Clinger, "How to Read Floating Point Numbers Accurately", 1990).
  private func simpleDecimal(_ range: Range<Int>) -> Double? {
    var at = range.lowerBound
    guard at < range.upperBound else { return nil }
    let isNegative = bytes[at] == UInt8(ascii: "-")
    if isNegative { at += 1 }
    var mantissa = 0
    var digits = 0
    var decimals: Int?
    while at < range.upperBound {
      let byte = bytes[at]
      if byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") {
        mantissa = mantissa * 10 + Int(byte - UInt8(ascii: "0"))
        digits += 1
        guard digits <= Self.exactDigits else { return nil }
        if let count = decimals { decimals = count + 1 }
      } else if byte == UInt8(ascii: "."), decimals == nil {
        decimals = 0
      } else {
        return nil
      }
      at += 1
    }
    guard digits > 0 else { return nil }
    let value = Double(mantissa) / Self.powersOfTen[decimals ?? 0]
    return isNegative ? -value : value
  }

  /// 10¹⁵ < 2⁵³.
  private static let exactDigits = 15
  private static let powersOfTen: [Double] = (0...exactDigits).reduce(into: []) { powers, _ in
    powers.append((powers.last ?? 0.1) * 10)
  }
}
