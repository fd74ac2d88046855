import JSON

// Nested objects without a default; the resolved configuration has none where they are not written.
extension SettingsReader {
  /// A nested object with fixed keys, or nil where it is not written.
  package func optionalObject<S: Settings>(
    _ key: String, _ type: S.Type, _ documentation: String
  ) throws(ConfigurationError) -> S? {
    try read(
      key, .object(describe(type)), default: .some(nil), placeholder: nil, documentation: documentation,
      isRequired: false, encode: { _ in nil },
      decode: { (json, path) throws(ConfigurationError) in
        let reader = try self.reader(of: json, path: path)
        let settings = try S(from: reader)
        try reader.finish()
        return (settings, reader.resolved)
      })
  }

  /// A list of objects with fixed keys; empty where it is not written.
  package func optionalObjects<S: Settings>(
    _ key: String, of type: S.Type, _ documentation: String
  ) throws(ConfigurationError) -> [S] {
    try objects(key, of: type, documentation, resolvesAbsence: false)
  }

  /// A component of `catalog`, or nil where it is not written.
  package func optionalComponent<Product>(
    _ key: String, from catalog: Catalog<Product>, _ documentation: String
  ) throws(ConfigurationError) -> Product? {
    define(catalog.name) { catalog.describe(into: $0) }
    return try read(
      key, .reference(catalog.name), default: .some(nil), placeholder: nil, documentation: documentation,
      isRequired: false, encode: { _ in nil },
      decode: { (json, path) throws(ConfigurationError) in
        let read = try catalog.read(json, path: path)
        return (read.product, read.resolved)
      })
  }

  /// A list of components of `catalog`; empty where it is not written.
  package func optionalComponents<Product>(
    _ key: String, from catalog: Catalog<Product>, _ documentation: String
  ) throws(ConfigurationError) -> [Product] {
    define(catalog.name) { catalog.describe(into: $0) }
    return try read(
      key, .array(.reference(catalog.name), minimumCount: 0), default: [], placeholder: [],
      documentation: documentation, isRequired: false, encode: { _ in nil },
      decode: { (json, path) throws(ConfigurationError) in
        guard let elements = json.array else { throw json.mistyped(path, expected: "a list of objects") }
        let read = try elements.decoded(path) { (json, path) throws(ConfigurationError) in
          try catalog.read(json, path: path)
        }
        return (read.map(\.product), .array(read.map(\.resolved)))
      })
  }
}
