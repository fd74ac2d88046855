import Configuration
import Foundation
import JSON

/// The possible values of one key of the base configuration: an entry of "parameters".
package struct SearchParameter: Settings {
  package enum Distribution: String, CaseIterable, Sendable {
    case categorical
    case uniform
    case logUniform = "log_uniform"
    case integers = "int_uniform"
    case logIntegers = "int_log_uniform"
  }

  package enum Domain: Sendable, Equatable {
    /// Any values, without an order.
    case values([JSON])
    /// A number from `low` to `high`, uniform in the number or in its logarithm; both ends count for whole numbers.
    case numbers(low: Double, high: Double, isLogarithmic: Bool, isWhole: Bool)
  }

  /// The values of another parameter for which this one is active.
  package struct Condition: Sendable, Equatable {
    package let parameter: String
    package let values: [JSON]
  }

  package let domain: Domain
  package let conditions: [Condition]

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    let values = try reader.optionalAnyList("values", "the values to try, of any kind")
    let distribution: Distribution? = try reader.optionalChoice(
      "distribution", "how a value is drawn between min and max")
    let low = try reader.optionalNumber("min", in: -1e300...1e300, "the lowest value")
    let high = try reader.optionalNumber("max", in: -1e300...1e300, "the highest value")
    let when = try reader.anyMap(
      "when", "active only where another parameter has this value, or one of a list: {\"model.type\": \"mlp\"}")
    conditions = when.map { Condition(parameter: $0.key, values: $0.value.array ?? [$0.value]) }
    if let values {
      try reader.require(
        distribution == nil || distribution == .categorical, "distribution",
        "\"values\" are categorical; drop one of the two")
      try reader.require(low == nil && high == nil, low != nil ? "min" : "max", "never used beside \"values\"")
      var seen: [JSON] = []
      for value in values {
        try reader.require(!seen.contains(value), "values", "\(value.compactText) is listed twice")
        seen.append(value)
      }
      domain = .values(values)
      return
    }
    if reader.isDescribing {
      domain = .values([.null])
      return
    }
    guard let distribution, distribution != .categorical else {
      throw reader.error(nil, "expected \"values\", or a \"distribution\" of numbers with \"min\" and \"max\"")
    }
    guard let low, let high else {
      throw reader.error(nil, "the key \"\(low == nil ? "min" : "max")\" is missing beside \"distribution\"")
    }
    let isLogarithmic = distribution == .logUniform || distribution == .logIntegers
    let isWhole = distribution == .integers || distribution == .logIntegers
    try reader.require(
      low < high, "min",
      "\(JSON.number(low).compactText) is not below \"max\" \(JSON.number(high).compactText): the range is empty")
    try reader.require(!isLogarithmic || low > 0, "min", "a logarithm needs a number above 0")
    if isWhole {
      for (key, value) in [("min", low), ("max", high)] {
        try reader.require(value == value.rounded() && abs(value) < 0x1p53, key, "expected a whole number")
      }
    }
    domain = .numbers(low: low, high: high, isLogarithmic: isLogarithmic, isWhole: isWhole)
  }

  package init(_ domain: Domain, conditions: [Condition] = []) {
    self.domain = domain
    self.conditions = conditions
  }
}

// A domain as numbers, for samplers and measures of importance.
extension SearchParameter.Domain {
  /// The number of values; nil for a continuous range.
  package var count: Int? {
    switch self {
    case .values(let values): values.count
    case .numbers(let low, let high, _, true): Int(high - low) + 1
    case .numbers: nil
    }
  }

  /// The ends of the scale on which `coordinate` places a value: a whole number covers 0.5 to either side.
  package var bounds: (low: Double, high: Double) {
    switch self {
    case .values(let values): (0, Double(values.count))
    case .numbers(let low, let high, let isLogarithmic, let isWhole):
      (
        Self.scaled(isWhole ? low - 0.5 : low, isLogarithmic), Self.scaled(isWhole ? high + 0.5 : high, isLogarithmic)
      )
    }
  }

  /// The value's place on the scale; the number of a categorical value.
  package func coordinate(_ value: JSON) -> Double? {
    switch self {
    case .values(let values): values.firstIndex(of: value).map { Double($0) }
    case .numbers(_, _, let isLogarithmic, _): value.double.map { Self.scaled($0, isLogarithmic) }
    }
  }

  /// The value at a place on the scale, within the range.
  package func value(at coordinate: Double) -> JSON {
    switch self {
    case .values(let values): return values[min(max(Int(coordinate), 0), values.count - 1)]
    case .numbers(let low, let high, let isLogarithmic, let isWhole):
      let number = isLogarithmic ? exp(coordinate) : coordinate
      let inside = min(max(isWhole ? number.rounded() : number, low), high)
      return isWhole ? .integer(Int(inside)) : .number(Self.short(inside, low, high))
    }
  }

  /// Eight digits distinguish values and are still easy to read.
  private static func short(_ value: Double, _ low: Double, _ high: Double) -> Double {
    min(max(Double(String(format: "%.8g", value)) ?? value, low), high)
  }

  private static func scaled(_ value: Double, _ isLogarithmic: Bool) -> Double { isLogarithmic ? log(value) : value }
}
