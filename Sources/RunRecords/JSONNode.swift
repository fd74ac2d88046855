/// A JSON value as these records need it. Arrays of numbers stay flat.
enum JSONNode: Sendable {
  case object([Member])
  case array([JSONNode])
  /// An array in which every element is a number, or a string that stands for a non-finite one.
  case numbers([Double])
  case string(String)
  case number(Double)
  /// A number without sign, fraction and exponent that fits: seeds keep all their bits.
  case integer(UInt64)
  case bool(Bool)
  case null

  struct Member: Sendable {
    var key: String
    var value: JSONNode
  }

  subscript(key: String) -> JSONNode? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.key == key }?.value
  }

  var string: String? {
    if case .string(let value) = self { value } else { nil }
  }

  var bool: Bool? {
    if case .bool(let value) = self { value } else { nil }
  }

  var double: Double? {
    switch self {
    case .number(let value): value
    case .integer(let value): Double(value)
    case .string(let text): Self.nonfinite(text)
    default: nil
    }
  }

  /// A count: a whole number from 0 to `Int.max`.
  var count: Int? {
    if case .integer(let value) = self { Int(exactly: value) } else { nil }
  }

  var numbers: [Double]? {
    if case .numbers(let values) = self { values } else { nil }
  }

  var array: [JSONNode]? {
    switch self {
    case .array(let values): values
    case .numbers(let values): values.map { .number($0) }
    default: nil
    }
  }

  /// An array of strings. `"nan"`, `"inf"` and `"-inf"` may have been read as numbers.
  var strings: [String]? {
    switch self {
    case .array(let values):
      let strings = values.compactMap(\.text)
      return strings.count == values.count ? strings : nil
    case .numbers(let values) where values.allSatisfy({ !$0.isFinite }): return values.map(Self.name)
    default: return nil
    }
  }

  private var text: String? {
    switch self {
    case .string(let value): value
    case .number(let value) where !value.isFinite: Self.name(value)
    default: nil
    }
  }

  static func nonfinite(_ text: String) -> Double? {
    switch text {
    case "nan": .nan
    case "inf": .infinity
    case "-inf": -.infinity
    default: nil
    }
  }

  private static func name(_ value: Double) -> String { value.isNaN ? "nan" : value > 0 ? "inf" : "-inf" }
}
