import JSON

/// A number for each axis of an image.
package struct AxisPair: Hashable, Sendable {
  package var vertical: Int
  package var horizontal: Int

  package init(_ vertical: Int, _ horizontal: Int) {
    self.vertical = vertical
    self.horizontal = horizontal
  }

  /// The same for both axes.
  package init(_ both: Int) { self.init(both, both) }

  fileprivate var json: JSON {
    vertical == horizontal ? .integer(vertical) : .array([.integer(vertical), .integer(horizontal)])
  }
}

// Whole numbers for both axes of an image, and words in their place.
extension SettingsReader {
  /// One whole number for both axes, or `[vertical, horizontal]`.
  package func pair(
    _ key: String, default value: AxisPair? = nil, in range: ClosedRange<Int>, _ documentation: String
  ) throws(ConfigurationError) -> AxisPair {
    try read(
      key, Self.pairNode(range), default: value, placeholder: AxisPair(range.lowerBound), documentation: documentation,
      isRequired: value == nil, encode: { $0.json },
      decode: { (json, path) throws(ConfigurationError) in (try json.decodedPair(path, range), json) })
  }

  /// The same, or nil where the key is not written.
  package func optionalPair(
    _ key: String, in range: ClosedRange<Int>, _ documentation: String
  ) throws(ConfigurationError) -> AxisPair? {
    try read(
      key, Self.pairNode(range), default: .some(nil), placeholder: nil, documentation: documentation,
      isRequired: false, encode: { $0.map(\.json) },
      decode: { (json, path) throws(ConfigurationError) in (try json.decodedPair(path, range), json) })
  }

  /// The same; nil where `word` is written instead.
  package func pair(
    _ key: String, or word: String, default value: AxisPair, in range: ClosedRange<Int>, _ documentation: String
  ) throws(ConfigurationError) -> AxisPair? {
    try read(
      key, .either(.choice([word]), Self.pairNode(range)), default: .some(value), placeholder: value,
      documentation: documentation, isRequired: false, encode: { $0.map(\.json) ?? .string(word) },
      decode: { (json, path) throws(ConfigurationError) in
        if json.string == word { return (nil, json) }
        return (try json.decodedPair(path, range, or: word), json)
      })
  }

  /// A whole number within `range`; nil where `word` is written instead.
  package func integer(
    _ key: String, or word: String, default value: Int, in range: ClosedRange<Int>, _ documentation: String
  ) throws(ConfigurationError) -> Int? {
    try read(
      key, .either(.choice([word]), .integer(minimum: range.lowerBound, maximum: range.upperBound)),
      default: .some(value), placeholder: value, documentation: documentation, isRequired: false,
      encode: { $0.map(JSON.integer) ?? .string(word) },
      decode: { (json, path) throws(ConfigurationError) in
        if json.string == word { return (nil, json) }
        guard json.string == nil else { throw json.mistyped(path, expected: "\"\(word)\" or a whole number") }
        return (try json.decodedInteger(path, range), json)
      })
  }

  private static func pairNode(_ range: ClosedRange<Int>) -> SchemaNode {
    let number = SchemaNode.integer(minimum: range.lowerBound, maximum: range.upperBound)
    return .either(number, .array(number, minimumCount: 2))
  }
}

extension JSON {
  fileprivate func decodedPair(
    _ path: String, _ range: ClosedRange<Int>, or word: String? = nil
  ) throws(ConfigurationError) -> AxisPair {
    if case .number = content { return AxisPair(try decodedInteger(path, range)) }
    guard let elements = array, elements.count == 2 else {
      throw mistyped(
        path, expected: (word.map { "\"\($0)\", " } ?? "") + "a whole number or a list of two, [vertical, horizontal]")
    }
    return AxisPair(
      try elements[0].decodedInteger("\(path)[0]", range), try elements[1].decodedInteger("\(path)[1]", range))
  }
}
