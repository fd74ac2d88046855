import JSON

// One string, or a list of them.
extension SettingsReader {
  private static let stringsNode = SchemaNode.either(
    .string(pattern: nil), .array(.string(pattern: nil), minimumCount: 1))

  /// A string or a list of at least one.
  package func stringOrStrings(_ key: String, _ documentation: String) throws(ConfigurationError) -> [String] {
    try read(
      key, Self.stringsNode, default: nil, placeholder: [""], documentation: documentation, isRequired: true,
      encode: { _ in nil },
      decode: { (json, path) throws(ConfigurationError) in (try json.decodedStrings(path), json) })
  }

  /// The same, or nil where the key is not written.
  package func optionalStringOrStrings(
    _ key: String, _ documentation: String
  ) throws(ConfigurationError) -> [String]? {
    try read(
      key, Self.stringsNode, default: .some(nil), placeholder: nil, documentation: documentation, isRequired: false,
      encode: { _ in nil },
      decode: { (json, path) throws(ConfigurationError) in (try json.decodedStrings(path), json) })
  }
}

extension JSON {
  fileprivate func decodedStrings(_ path: String) throws(ConfigurationError) -> [String] {
    if let string { return [string] }
    guard let elements = array, !elements.isEmpty else {
      throw mistyped(path, expected: "a string, or a list of at least one")
    }
    return try elements.decoded(path) { (element, path) throws(ConfigurationError) in
      guard let string = element.string else {
        throw mistyped(path, expected: "a string, but the list holds \(element.kindName)")
      }
      return string
    }
  }
}
