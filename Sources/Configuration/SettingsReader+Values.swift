import JSON

// Plain values: numbers, flags, words and lists of them.
extension SettingsReader {
  /// A whole number within `range`.
  package func integer(
    _ key: String, default value: Int? = nil, in range: ClosedRange<Int>, _ documentation: String
  ) throws(ConfigurationError) -> Int {
    try read(
      key, .integer(minimum: range.lowerBound, maximum: range.upperBound), default: value,
      placeholder: range.lowerBound, documentation: documentation, isRequired: value == nil, encode: { .integer($0) },
      decode: { (json, path) throws(ConfigurationError) in (try json.decodedInteger(path, range), json) })
  }

  /// A whole number within `range`, or nil where the key is not written.
  package func optionalInteger(
    _ key: String, in range: ClosedRange<Int>, _ documentation: String
  ) throws(ConfigurationError) -> Int? {
    try read(
      key, .integer(minimum: range.lowerBound, maximum: range.upperBound), default: .some(nil), placeholder: nil,
      documentation: documentation, isRequired: false, encode: { $0.map(JSON.integer) },
      decode: { (json, path) throws(ConfigurationError) in (try json.decodedInteger(path, range), json) })
  }

  /// A number within `range`; `above` excludes the lower bound itself.
  package func number(
    _ key: String, default value: Double? = nil, in range: ClosedRange<Double>, above: Bool = false,
    _ documentation: String
  ) throws(ConfigurationError) -> Double {
    try read(
      key, .number(minimum: range.lowerBound, maximum: range.upperBound, exclusiveMinimum: above), default: value,
      placeholder: range.upperBound.isFinite ? range.upperBound : 1, documentation: documentation,
      isRequired: value == nil, encode: { .number($0) },
      decode: { (json, path) throws(ConfigurationError) in (try json.decodedNumber(path, range, above: above), json) })
  }

  /// A number within `range`, or nil where the key is not written.
  package func optionalNumber(
    _ key: String, in range: ClosedRange<Double>, above: Bool = false, _ documentation: String
  ) throws(ConfigurationError) -> Double? {
    try read(
      key, .number(minimum: range.lowerBound, maximum: range.upperBound, exclusiveMinimum: above), default: .some(nil),
      placeholder: nil, documentation: documentation, isRequired: false, encode: { $0.map { .number($0) } },
      decode: { (json, path) throws(ConfigurationError) in (try json.decodedNumber(path, range, above: above), json) })
  }

  package func boolean(
    _ key: String, default value: Bool? = nil, _ documentation: String
  ) throws(ConfigurationError) -> Bool {
    try read(
      key, .boolean, default: value, placeholder: false, documentation: documentation, isRequired: value == nil,
      encode: { .boolean($0) },
      decode: { (json, path) throws(ConfigurationError) in
        guard let flag = json.boolean else { throw json.mistyped(path, expected: "true or false") }
        return (flag, json)
      })
  }

  package func string(
    _ key: String, default value: String? = nil, pattern: String? = nil, _ documentation: String
  ) throws(ConfigurationError) -> String {
    try read(
      key, .string(pattern: pattern), default: value, placeholder: "", documentation: documentation,
      isRequired: value == nil, encode: { .string($0) },
      decode: { (json, path) throws(ConfigurationError) in (try json.decodedString(path, pattern), json) })
  }

  /// A string, or nil where the key is not written.
  package func optionalString(
    _ key: String, pattern: String? = nil, _ documentation: String
  ) throws(ConfigurationError) -> String? {
    try read(
      key, .string(pattern: pattern), default: .some(nil), placeholder: nil, documentation: documentation,
      isRequired: false, encode: { $0.map(JSON.string) },
      decode: { (json, path) throws(ConfigurationError) in (try json.decodedString(path, pattern), json) })
  }

  /// One of the cases of an enumeration, by its raw value.
  package func choice<Choice: CaseIterable & RawRepresentable>(
    _ key: String, default value: Choice? = nil, _ documentation: String
  ) throws(ConfigurationError) -> Choice where Choice.RawValue == String {
    guard let first = Choice.allCases.first else { preconditionFailure("\(Choice.self) has no cases") }
    return try read(
      key, .choice(Choice.allCases.map(\.rawValue)), default: value, placeholder: first, documentation: documentation,
      isRequired: value == nil, encode: { .string($0.rawValue) },
      decode: { (json, path) throws(ConfigurationError) in (try json.decodedChoice(path), json) })
  }

  /// One of the cases of an enumeration, or nil where the key is not written.
  package func optionalChoice<Choice: CaseIterable & RawRepresentable>(
    _ key: String, _ documentation: String
  ) throws(ConfigurationError) -> Choice? where Choice.RawValue == String {
    try read(
      key, .choice(Choice.allCases.map(\.rawValue)), default: .some(nil), placeholder: nil,
      documentation: documentation, isRequired: false, encode: { $0.map { .string($0.rawValue) } },
      decode: { (json, path) throws(ConfigurationError) in (try json.decodedChoice(path) as Choice, json) })
  }

  /// A list of whole numbers, or nil where the key is not written.
  package func optionalIntegers(
    _ key: String, in range: ClosedRange<Int>, minimumCount: Int = 1, _ documentation: String
  ) throws(ConfigurationError) -> [Int]? {
    let node = SchemaNode.integer(minimum: range.lowerBound, maximum: range.upperBound)
    return try optionalList(
      key, node, minimumCount, documentation, encode: { .integer($0) },
      element: { (json, path) throws(ConfigurationError) in try json.decodedInteger(path, range) })
  }

  /// A list of numbers, or nil where the key is not written.
  package func optionalNumbers(
    _ key: String, in range: ClosedRange<Double>, minimumCount: Int = 1, _ documentation: String
  ) throws(ConfigurationError) -> [Double]? {
    let node = SchemaNode.number(minimum: range.lowerBound, maximum: range.upperBound, exclusiveMinimum: false)
    return try optionalList(
      key, node, minimumCount, documentation, encode: { .number($0) },
      element: { (json, path) throws(ConfigurationError) in try json.decodedNumber(path, range, above: false) })
  }

  /// A list of strings, or nil where the key is not written.
  package func optionalStrings(
    _ key: String, minimumCount: Int = 1, _ documentation: String
  ) throws(ConfigurationError) -> [String]? {
    try optionalList(
      key, .string(pattern: nil), minimumCount, documentation, encode: { .string($0) },
      element: { (json, path) throws(ConfigurationError) in try json.decodedString(path, nil) })
  }

  /// Exactly as many numbers as `value` has.
  package func numbers(
    _ key: String, default value: [Double], in range: ClosedRange<Double>, _ documentation: String
  ) throws(ConfigurationError) -> [Double] {
    let node = SchemaNode.number(minimum: range.lowerBound, maximum: range.upperBound, exclusiveMinimum: false)
    return try read(
      key, .array(node, minimumCount: value.count), default: value, placeholder: value, documentation: documentation,
      isRequired: false, encode: { .array($0.map { .number($0) }) },
      decode: { (json, path) throws(ConfigurationError) in
        guard let elements = json.array, elements.count == value.count else {
          throw json.mistyped(path, expected: "a list of \(value.count) numbers")
        }
        let numbers = try elements.decoded(path) { (element, path) throws(ConfigurationError) in
          try element.decodedNumber(path, range, above: false)
        }
        return (numbers, json)
      })
  }

  private func optionalList<Element>(
    _ key: String, _ node: SchemaNode, _ minimumCount: Int, _ documentation: String, encode: (Element) -> JSON,
    element decode: (JSON, String) throws(ConfigurationError) -> Element
  ) throws(ConfigurationError) -> [Element]? {
    try read(
      key, .array(node, minimumCount: minimumCount), default: .some(nil), placeholder: nil,
      documentation: documentation, isRequired: false, encode: { $0.map { .array($0.map(encode)) } },
      decode: { (json, path) throws(ConfigurationError) in
        guard let elements = json.array else { throw json.mistyped(path, expected: "a list") }
        guard elements.count >= minimumCount else {
          throw json.mistyped(path, expected: "a list of at least \(minimumCount)")
        }
        return (try elements.decoded(path, decode), json)
      })
  }
}

extension [JSON] {
  /// Decodes each element of a list at `path`.
  func decoded<Value>(
    _ path: String, _ decode: (JSON, String) throws(ConfigurationError) -> Value
  ) throws(ConfigurationError) -> [Value] {
    var decoded: [Value] = []
    for (index, element) in enumerated() { decoded.append(try decode(element, "\(path)[\(index)]")) }
    return decoded
  }
}

extension JSON {
  func mistyped(_ path: String, expected: String) -> ConfigurationError {
    var message = "expected \(expected), found \(kindName) \(excerpt)"
    if let text = string, Double(text) != nil { message += "; remove the quotes" }
    return ConfigurationError(path: path, message: message, location: location)
  }

  func decodedInteger(_ path: String, _ range: ClosedRange<Int>) throws(ConfigurationError) -> Int {
    guard case .number = content, let value = integer else { throw mistyped(path, expected: "a whole number") }
    guard range.contains(value) else {
      let bounds =
        range.upperBound == Int.max ? "at least \(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound)"
      throw ConfigurationError(
        path: path, message: "\(excerpt) is out of range: expected \(bounds)", location: location)
    }
    return value
  }

  func decodedNumber(
    _ path: String, _ range: ClosedRange<Double>, above: Bool
  ) throws(ConfigurationError) -> Double {
    guard let value = double else {
      let isNumber = if case .number = content { true } else { false }
      throw mistyped(path, expected: isNumber ? "a number below 1.8e308" : "a number")
    }
    guard range.contains(value), !(above && value == range.lowerBound) else {
      let lower = (above ? "above " : "at least ") + JSON.number(range.lowerBound).compactText
      let upper = range.upperBound.isFinite ? " and at most \(JSON.number(range.upperBound).compactText)" : ""
      throw ConfigurationError(
        path: path, message: "\(excerpt) is out of range: expected \(lower)\(upper)", location: location)
    }
    return value
  }

  func decodedChoice<Choice: CaseIterable & RawRepresentable>(
    _ path: String
  ) throws(ConfigurationError) -> Choice where Choice.RawValue == String {
    let names = Choice.allCases.map(\.rawValue)
    guard let name = string else {
      throw mistyped(path, expected: "one of the strings " + names.joined(separator: ", "))
    }
    guard let choice = Choice(rawValue: name) else {
      throw ConfigurationError(
        path: path, message: "unknown value \"\(name)\"" + NearestName.hint(name, among: names), location: location)
    }
    return choice
  }

  func decodedString(_ path: String, _ pattern: String?) throws(ConfigurationError) -> String {
    guard let text = string else { throw mistyped(path, expected: "a string") }
    if let pattern, (try? Regex(pattern).wholeMatch(in: text)) == nil {
      throw ConfigurationError(
        path: path, message: "\(excerpt) does not have the form \(pattern)", location: location)
    }
    return text
  }
}

extension SettingsReader {
  private static let automatic = "auto"

  /// A whole number within `range`; nil for "auto", the default.
  package func automaticInteger(
    _ key: String, in range: ClosedRange<Int>, _ documentation: String
  ) throws(ConfigurationError) -> Int? {
    try read(
      key, .either(.choice([Self.automatic]), .integer(minimum: range.lowerBound, maximum: range.upperBound)),
      default: .some(nil), placeholder: nil, documentation: documentation, isRequired: false,
      encode: { $0.map(JSON.integer) ?? .string(Self.automatic) },
      decode: { (json, path) throws(ConfigurationError) in
        if json.string == Self.automatic { return (nil, json) }
        guard json.string == nil else { throw json.mistyped(path, expected: "\"auto\" or a whole number") }
        return (try json.decodedInteger(path, range), json)
      })
  }
}
