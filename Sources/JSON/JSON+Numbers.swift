extension JSON {
  /// A number as written, with its float64 value; infinite where it is too large.
  ///
  /// Both are kept: configurations show the text, and records read millions of values.
  package struct Number: Sendable, Equatable {
    package let text: String
    package let value: Double
  }

  /// The number as float64, if it is representable.
  package var double: Double? {
    guard case .number(let number) = content, number.value.isFinite else { return nil }
    return number.value
  }

  /// The number, or the value of the strings "nan", "inf" and "-inf": the inverse of `number(_:)`.
  package var floatingPoint: Double? {
    switch content {
    case .number(let number): number.value
    case .string("nan"): .nan
    case .string("inf"): .infinity
    case .string("-inf"): -.infinity
    default: nil
    }
  }

  /// The number as an integer, if it is whole: `5`, `5.0` and `5e2` are.
  package var integer: Int? {
    guard case .number(let number) = content else { return nil }
    if let exact = Int(number.text) { return exact }
    guard number.value == number.value.rounded(), abs(number.value) < 0x1p53 else { return nil }
    return Int(number.value)
  }

  /// A number that is written without sign, fraction and exponent and fits: seeds keep all their bits.
  package var unsigned: UInt64? {
    guard case .number(let number) = content, !number.text.utf8.starts(with: "-".utf8) else { return nil }
    return UInt64(number.text)
  }

  /// A number from 0 to `Int.max` that is written without sign, fraction and exponent.
  package var count: Int? { unsigned.flatMap { Int(exactly: $0) } }
}

extension JSON.Number {
  /// Whether two numbers are the same in whatever spelling: 0.010 and 1e-2. Whole numbers beyond the exact range of float64
  /// are compared digit by digit.
  package static func == (a: JSON.Number, b: JSON.Number) -> Bool {
    if a.text == b.text { return true }
    guard a.value.isFinite, a.value == b.value else { return false }
    return abs(a.value) < 0x1p53 || Int(a.text) == nil && Int(b.text) == nil
  }

  /// - Parameter text: a number as JSON writes it.
  package init(_ text: String) { self.init(text: text, value: Double(text) ?? .nan) }

  /// - Parameter decimal: the number in `text`; nil where that has more digits than a `Decimal` holds.
  init(_ text: String, decimal: Decimal?) {
    self.init(text: text, value: decimal?.exactValue ?? Double(text) ?? .nan)
  }

  /// ±mantissa·10^exponent.
  struct Decimal {
    let isNegative: Bool
    let mantissa: UInt64
    let exponent: Int

    private static let exactPowers: [Double] = [
      1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
      1e21, 1e22,
    ]

    /// The correctly rounded value, for nearly every number: when mantissa and power of ten are both exact, one
    /// multiplication or division rounds correctly (Clinger, "How to Read Floating Point Numbers Accurately", 1990).
    var exactValue: Double? {
      guard mantissa <= 1 << 53, abs(exponent) < Self.exactPowers.count else { return nil }
      let power = Self.exactPowers[abs(exponent)]
      let magnitude = exponent < 0 ? Double(mantissa) / power : Double(mantissa) * power
      return isNegative ? -magnitude : magnitude
    }
  }
}
