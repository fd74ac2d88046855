import JSON

/// A length of training with its unit: "5 epochs", "2000 steps".
package struct TrainingDuration: Sendable, Equatable, CustomStringConvertible {
  package enum Unit: String, Sendable { case steps, epochs }

  package let count: Int
  package let unit: Unit

  package init(_ count: Int, _ unit: Unit) {
    self.count = count
    self.unit = unit
  }

  /// The duration in steps, with `stepsPerEpoch` steps in an epoch; at most `Int.max`.
  package func steps(perEpoch stepsPerEpoch: Int) -> Int {
    guard unit == .epochs else { return count }
    let (steps, overflow) = count.multipliedReportingOverflow(by: stepsPerEpoch)
    return overflow ? Int.max : steps
  }

  package var description: String { "\(count) \(count == 1 ? String(unit.rawValue.dropLast()) : unit.rawValue)" }

  static let pattern = "^[0-9]+ (steps?|epochs?)$"

  /// - Parameter text: such as `5 epochs`; anything else gives nil.
  package init?(text: String) {
    let words = text.split(separator: " ", omittingEmptySubsequences: false)
    guard words.count == 2, let count = Int(words[0]), count >= 0, words[0].allSatisfy(\.isNumber) else { return nil }
    switch words[1] {
    case "step", "steps": self.init(count, .steps)
    case "epoch", "epochs": self.init(count, .epochs)
    default: return nil
    }
  }
}

extension SettingsReader {
  /// A duration of at least `minimum` of its unit.
  package func duration(
    _ key: String, default value: TrainingDuration? = nil, minimum: Int = 1, _ documentation: String
  ) throws(ConfigurationError) -> TrainingDuration {
    try read(
      key, .string(pattern: TrainingDuration.pattern), default: value, placeholder: TrainingDuration(1, .epochs),
      documentation: documentation, isRequired: value == nil, encode: { .string($0.description) },
      decode: { (json, path) throws(ConfigurationError) in (try json.decodedDuration(path, minimum), json) })
  }

  /// A duration, or nil where the key is not written.
  package func optionalDuration(
    _ key: String, minimum: Int = 1, _ documentation: String
  ) throws(ConfigurationError) -> TrainingDuration? {
    try read(
      key, .string(pattern: TrainingDuration.pattern), default: .some(nil), placeholder: nil,
      documentation: documentation, isRequired: false, encode: { $0.map { .string($0.description) } },
      decode: { (json, path) throws(ConfigurationError) in (try json.decodedDuration(path, minimum), json) })
  }
}

extension JSON {
  func decodedDuration(_ path: String, _ minimum: Int) throws(ConfigurationError) -> TrainingDuration {
    guard let text = string, let duration = TrainingDuration(text: text) else {
      throw mistyped(path, expected: "a whole number with its unit, such as \"5 epochs\" or \"2000 steps\"")
    }
    guard duration.count >= minimum else {
      throw ConfigurationError(
        path: path, message: "\(excerpt) is out of range: expected at least \(minimum)", location: location)
    }
    return duration
  }
}
