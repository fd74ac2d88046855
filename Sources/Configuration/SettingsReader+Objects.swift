import JSON

/// A component that a configuration chooses by its "type".
package struct CatalogEntry<Product>: Sendable {
  /// The value of "type".
  package let kind: String
  package let documentation: String
  package let make: @Sendable (SettingsReader) throws(ConfigurationError) -> Product

  package init(
    _ kind: String, _ documentation: String,
    make: @escaping @Sendable (SettingsReader) throws(ConfigurationError) -> Product
  ) {
    self.kind = kind
    self.documentation = documentation
    self.make = make
  }
}

/// All components that a key of a configuration can choose from; each catalog is a literal in one file.
package struct Catalog<Product>: Sendable {
  /// The name under `definitions` in the JSON Schema.
  package let name: String
  package let entries: [CatalogEntry<Product>]
  /// Whether `"he_normal"` is short for `{"type": "he_normal"}`.
  package let allowsBareName: Bool

  package init(_ name: String, _ entries: [CatalogEntry<Product>], allowsBareName: Bool = false) {
    self.name = name
    self.entries = entries
    self.allowsBareName = allowsBareName
  }

  /// Reads the object `json`, whose "type" names an entry, and refuses keys that the entry does not know.
  ///
  /// - Returns: the component and its settings with every default filled in.
  package func read(_ json: JSON, path: String = "") throws(ConfigurationError) -> (product: Product, resolved: JSON) {
    var json = json
    if allowsBareName, json.string != nil { json = JSON(.object([JSON.Member("type", json)]), at: json.location) }
    let reader = try SettingsReader(json, path: path)
    let kind = try reader.kind(among: entries.map(\.kind))
    guard let entry = entries.first(where: { $0.kind == kind }) else {
      throw reader.error("type", "unknown type \"\(kind)\"" + NearestName.hint(kind, among: entries.map(\.kind)))
    }
    return (try reader.decode(entry.make), reader.resolved)
  }

  func describe(into definitions: SchemaDefinitions) -> [SchemaNode] {
    let bare: [SchemaNode] = allowsBareName ? [.choice(entries.map(\.kind))] : []
    let objects: [SchemaNode] = entries.map { entry in
      let reader = SettingsReader(describingInto: definitions)
      _ = try? entry.make(reader)
      let kind = SchemaProperty(
        key: "type", node: .choice([entry.kind]), documentation: entry.documentation, defaultValue: nil,
        isRequired: true)
      return .object([kind] + reader.properties)
    }
    return bare + objects
  }
}

extension SettingsReader {
  func kind(among kinds: [String]) throws(ConfigurationError) -> String {
    try read(
      "type", .choice(kinds), default: nil, placeholder: "", documentation: "one of " + kinds.joined(separator: ", "),
      isRequired: true, encode: { .string($0) },
      decode: { (json, path) throws(ConfigurationError) in
        guard let kind = json.string else { throw json.mistyped(path, expected: "a type's name in quotes") }
        return (kind, json)
      })
  }

  /// A nested object with fixed keys; where it is not written, every one of its keys takes its default.
  package func object<S: Settings>(
    _ key: String, _ type: S.Type, _ documentation: String
  ) throws(ConfigurationError) -> S {
    let decode = { (json: JSON, path: String) throws(ConfigurationError) -> (S, JSON) in
      let reader = try self.reader(of: json, path: path)
      return (try reader.decode(S.init(from:)), reader.resolved)
    }
    let empty = JSON.object([])
    let absent = try decode(empty, path(of: key))
    return try read(
      key, .object(describe(type)), default: absent.0, placeholder: absent.0, documentation: documentation,
      isRequired: false, encode: { _ in isDescribing ? nil : absent.1 }, decode: decode)
  }

  /// A nested object with fixed keys that must be written.
  package func requiredObject<S: Settings>(
    _ key: String, _ type: S.Type, _ documentation: String
  ) throws(ConfigurationError) -> S {
    let placeholder = isDescribing ? try S(from: reader(of: .object([]), path: path(of: key))) : nil
    let value: S? = try read(
      key, .object(describe(type)), default: nil, placeholder: placeholder, documentation: documentation,
      isRequired: true, encode: { _ in nil },
      decode: { (json, path) throws(ConfigurationError) in
        let reader = try self.reader(of: json, path: path)
        return (try reader.decode(S.init(from:)), reader.resolved)
      })
    guard let value else { throw error(key, "cannot be described") }
    return value
  }

  /// A list of objects with fixed keys; empty where it is not written.
  ///
  /// - Parameter resolvesAbsence: whether the resolved configuration then has an empty list.
  package func objects<S: Settings>(
    _ key: String, of type: S.Type, _ documentation: String, resolvesAbsence: Bool = true
  ) throws(ConfigurationError) -> [S] {
    try read(
      key, .array(.object(describe(type)), minimumCount: 0), default: [], placeholder: [], documentation: documentation,
      isRequired: false, encode: { _ in resolvesAbsence ? .array([]) : nil },
      decode: { (json, path) throws(ConfigurationError) in
        guard let elements = json.array else { throw json.mistyped(path, expected: "a list of objects") }
        let read = try elements.decoded(path) { (json, path) throws(ConfigurationError) in
          let reader = try SettingsReader(json, path: path)
          return (settings: try reader.decode(S.init(from:)), resolved: reader.resolved)
        }
        return (read.map(\.settings), .array(read.map(\.resolved)))
      })
  }

  /// A component of `catalog`; where the key is not written, the one that `fallback` describes.
  ///
  /// - Parameter fallback: such as `.object([("type", .string("none"))])`; nil makes the key required.
  /// - Returns: nil only when the reader describes.
  package func component<Product>(
    _ key: String, from catalog: Catalog<Product>, default fallback: JSON? = nil, _ documentation: String
  ) throws(ConfigurationError) -> Product? {
    define(catalog.name) { catalog.describe(into: $0) }
    if isDescribing {
      return try read(
        key, .reference(catalog.name), default: nil, placeholder: nil, documentation: documentation,
        isRequired: fallback == nil, encode: { _ in nil },
        decode: { (json, _) throws(ConfigurationError) in (nil, json) })
    }
    let absent: (product: Product, resolved: JSON)? =
      if let fallback, !has(key) { try catalog.read(fallback, path: path(of: key)) } else { nil }
    return try read(
      key, .reference(catalog.name), default: absent.map { .some($0.product) }, placeholder: nil,
      documentation: documentation, isRequired: fallback == nil, encode: { _ in absent?.resolved },
      decode: { (json, path) throws(ConfigurationError) in
        let read = try catalog.read(json, path: path)
        return (read.product, read.resolved)
      })
  }

  /// A list of components of `catalog`, which may be the catalog that this reader belongs to.
  package func components<Product>(
    _ key: String, from catalog: @autoclosure () -> Catalog<Product>, named name: String, minimumCount: Int = 1,
    _ documentation: String
  ) throws(ConfigurationError) -> [Product] {
    if isDescribing { define(name) { catalog().describe(into: $0) } }
    return try read(
      key, .array(.reference(name), minimumCount: minimumCount), default: nil, placeholder: [],
      documentation: documentation, isRequired: true, encode: { _ in nil },
      decode: { (json, path) throws(ConfigurationError) in
        guard let elements = json.array, elements.count >= minimumCount else {
          throw json.mistyped(path, expected: "a list of at least \(minimumCount) objects")
        }
        let catalog = catalog()
        let read = try elements.decoded(path) { (json, path) throws(ConfigurationError) in
          try catalog.read(json, path: path)
        }
        return (read.map(\.product), .array(read.map(\.resolved)))
      })
  }
}
