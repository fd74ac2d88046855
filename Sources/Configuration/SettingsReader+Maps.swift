import JSON

// Objects with any keys, and values of any kind.
extension SettingsReader {
  /// An object with any keys, each with settings of one kind; empty where it is not written.
  ///
  /// - Returns: keys and settings in the order they were written.
  package func map<S: Settings>(
    _ key: String, of type: S.Type, _ documentation: String
  ) throws(ConfigurationError) -> [(key: String, value: S)] {
    try read(
      key, .map(.object(describe(type))), default: [], placeholder: [], documentation: documentation,
      isRequired: false, encode: { _ in .object([]) },
      decode: { (json, path) throws(ConfigurationError) in
        guard let members = json.members else { throw json.mistyped(path, expected: "an object") }
        var settings: [(key: String, value: S)] = []
        var resolved: [(String, JSON)] = []
        for member in members {
          let reader = try SettingsReader(member.value, path: "\(path)[\"\(member.key)\"]")
          settings.append((member.key, try reader.decode(S.init(from:))))
          resolved.append((member.key, reader.resolved))
        }
        return (settings, .object(resolved))
      })
  }

  /// An object with any keys and values of any kind; empty where it is not written.
  package func anyMap(_ key: String, _ documentation: String) throws(ConfigurationError) -> [(key: String, value: JSON)]
  {
    try read(
      key, .map(.any), default: [], placeholder: [], documentation: documentation, isRequired: false,
      encode: { _ in .object([]) },
      decode: { (json, path) throws(ConfigurationError) in
        guard let members = json.members else { throw json.mistyped(path, expected: "an object") }
        return (members.map { ($0.key, $0.value) }, json)
      })
  }

  /// A string, or an object that is not decoded.
  package func stringOrObject(_ key: String, _ documentation: String) throws(ConfigurationError) -> JSON {
    try read(
      key, .either(.string(pattern: nil), .map(.any)), default: nil, placeholder: .string(""),
      documentation: documentation, isRequired: true, encode: { _ in nil },
      decode: { (json, path) throws(ConfigurationError) in
        guard json.string != nil || json.members != nil else {
          throw json.mistyped(path, expected: "a string or an object")
        }
        return (json, json)
      })
  }

  /// A list of at least one value of any kind, or nil where the key is not written.
  package func optionalAnyList(_ key: String, _ documentation: String) throws(ConfigurationError) -> [JSON]? {
    try read(
      key, .array(.any, minimumCount: 1), default: .some(nil), placeholder: nil, documentation: documentation,
      isRequired: false, encode: { $0.map(JSON.array) },
      decode: { (json, path) throws(ConfigurationError) in
        guard let elements = json.array else { throw json.mistyped(path, expected: "a list") }
        guard !elements.isEmpty else { throw json.mistyped(path, expected: "a list of at least 1") }
        return (elements, json)
      })
  }

  /// A count, or a list of whole numbers; nil where the key is not written.
  package func optionalCountOrIntegers(
    _ key: String, in range: ClosedRange<Int>, mostCount: Int, _ documentation: String
  ) throws(ConfigurationError) -> CountOrIntegers? {
    let number = SchemaNode.integer(minimum: range.lowerBound, maximum: range.upperBound)
    return try read(
      key, .either(.integer(minimum: 1, maximum: mostCount), .array(number, minimumCount: 1)), default: .some(nil),
      placeholder: nil, documentation: documentation, isRequired: false, encode: { _ in nil },
      decode: { (json, path) throws(ConfigurationError) in
        guard let elements = json.array else {
          return (.count(try json.decodedInteger(path, 1...mostCount)), json)
        }
        guard (1...mostCount).contains(elements.count) else {
          throw json.mistyped(path, expected: "a list of 1 to \(mostCount)")
        }
        var numbers: [Int] = []
        for (index, element) in elements.enumerated() {
          let number = try element.decodedInteger("\(path)[\(index)]", range)
          guard !numbers.contains(number) else {
            throw element.mistyped("\(path)[\(index)]", expected: "a number that is not in the list already")
          }
          numbers.append(number)
        }
        return (.integers(numbers), json)
      })
  }

  /// A length of time with its unit in seconds, or nil where the key is not written.
  package func optionalTime(_ key: String, _ documentation: String) throws(ConfigurationError) -> Double? {
    let units: [(name: String, seconds: Double)] = [("second", 1), ("minute", 60), ("hour", 3600), ("day", 86_400)]
    return try read(
      key, .string(pattern: "^[0-9]+(\\.[0-9]+)? (second|minute|hour|day)s?$"), default: .some(nil), placeholder: nil,
      documentation: documentation, isRequired: false, encode: { _ in nil },
      decode: { (json, path) throws(ConfigurationError) in
        let words = (json.string ?? "").split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 2, words[0].allSatisfy({ $0.isNumber || $0 == "." }), let number = Double(words[0]),
          number > 0, let unit = units.first(where: { words[1] == $0.name || words[1] == $0.name + "s" })
        else { throw json.mistyped(path, expected: "a time with its unit, such as \"90 seconds\" or \"2 hours\"") }
        return (number * unit.seconds, json)
      })
  }
}

/// The value of a key that accepts a count or a list of numbers.
package enum CountOrIntegers: Sendable, Equatable {
  case count(Int)
  case integers([Int])
}
