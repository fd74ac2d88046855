import JSON

/// Settings that are read from a JSON object, key by key.
///
/// The initializer is the one table of the component's keys: the same calls decode and validate a configuration, fill
/// in the defaults of the resolved one, and describe themselves for the JSON Schema.
package protocol Settings: Sendable {
  init(from reader: SettingsReader) throws(ConfigurationError)
}

/// Reads the keys of one JSON object strictly, and records which keys were read.
///
/// Each reading method declares a key with its type, bounds, default and documentation. A missing key without a
/// default, a value of another type or outside the bounds throws; `finish()` refuses keys that were not read. When the
/// reader only describes, every method records its key and returns the default or a placeholder, so an initializer must
/// check how keys fit together through `require`, which then does nothing.
package final class SettingsReader {
  /// The keys from the top of the file to this object.
  package let path: String
  /// Whether this reader only records the keys that can be written.
  package let isDescribing: Bool
  package private(set) var properties: [SchemaProperty] = []
  private var resolvedMembers: [JSON.Member] = []
  private let source: JSON
  private let written: MemberIndex
  private let definitions: SchemaDefinitions

  /// A reader of `source`, which must be an object.
  package init(_ source: JSON, path: String = "") throws(ConfigurationError) {
    guard let members = source.members else {
      throw ConfigurationError(
        path: path, message: "expected an object, found \(source.kindName) \(source.excerpt)",
        location: source.location)
    }
    self.source = source
    written = MemberIndex(members)
    self.path = path
    isDescribing = false
    definitions = SchemaDefinitions()
  }

  /// A reader that only describes, and adds catalogs to `definitions`.
  package init(describingInto definitions: SchemaDefinitions) {
    source = .object([])
    written = MemberIndex([])
    path = ""
    isDescribing = true
    self.definitions = definitions
  }

  /// The object with every default filled in.
  package var resolved: JSON { JSON(.object(resolvedMembers)) }

  /// Whether the key is written in the object.
  package func has(_ key: String) -> Bool { written[key] != nil }

  package func path(of key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

  /// An error at `key`, or at the whole object.
  package func error(_ key: String? = nil, _ message: String) -> ConfigurationError {
    let value = key.flatMap { written[$0] }
    return ConfigurationError(
      path: key.map(path(of:)) ?? path, message: message, location: value?.location ?? source.location)
  }

  /// Throws unless `condition` holds, for rules on several keys.
  package func require(
    _ condition: @autoclosure () -> Bool, _ key: String? = nil, _ message: @autoclosure () -> String
  ) throws(ConfigurationError) {
    if !isDescribing, !condition() { throw error(key, message()) }
  }

  /// Makes settings from the object, and refuses keys that they do not know.
  package func decode<Product>(
    _ make: (SettingsReader) throws(ConfigurationError) -> Product
  ) throws(ConfigurationError) -> Product {
    do throws(ConfigurationError) {
      let product = try make(self)
      try finish()
      return product
    } catch {
      // A key that the object lacks may be there under a misspelled name.
      guard error.path == path, let misspelling = misspelling(knownTo: make) else { throw error }
      throw ConfigurationError(
        path: path,
        message: "\(error.message); is \"\(misspelling.written.key)\" meant to be \"\(misspelling.known)\"?",
        location: misspelling.written.value.location)
    }
  }

  /// Unknown keys that are compared with the known ones; a huge object must not cost minutes.
  private static let mostMisspellings = 1_000

  /// The first key unknown to `make` that nearly is a known one which is not written.
  private func misspelling<Product>(
    knownTo make: (SettingsReader) throws(ConfigurationError) -> Product
  ) -> (written: JSON.Member, known: String)? {
    let describing = SettingsReader(describingInto: SchemaDefinitions())
    _ = try? make(describing)
    let known = (properties + describing.properties).map(\.key)
    let absent = known.filter { !has($0) }
    for member in written.members.lazy.filter({ !known.contains($0.key) }).prefix(Self.mostMisspellings) {
      if let name = NearestName.of(member.key, among: absent) { return (member, name) }
    }
    return nil
  }

  /// Refuses every key that was not read.
  package func finish() throws(ConfigurationError) {
    guard !isDescribing else { return }
    let known = properties.map(\.key)
    for member in written.members where !known.contains(member.key) {
      throw ConfigurationError(
        path: path(of: member.key), message: "unknown key" + NearestName.hint(member.key, among: known),
        location: member.value.location)
    }
  }

  /// The heart of every reading method.
  ///
  /// - Parameters:
  ///   - placeholder: the value of a describing reader where there is no default.
  ///   - decode: converts the written value, and gives it with its defaults filled in.
  func read<Value>(
    _ key: String, _ node: SchemaNode, default defaultValue: Value?, placeholder: Value, documentation: String,
    isRequired: Bool, encode: (Value) -> JSON?, decode: (JSON, String) throws(ConfigurationError) -> (Value, JSON)
  ) throws(ConfigurationError) -> Value {
    precondition(!properties.contains { $0.key == key }, "the key \(key) is declared twice")
    properties.append(
      SchemaProperty(
        key: key, node: node, documentation: documentation, defaultValue: defaultValue.flatMap(encode),
        isRequired: isRequired))
    if isDescribing { return defaultValue ?? placeholder }
    if let json = written[key] {
      let (value, resolved) = try decode(json, path(of: key))
      resolvedMembers.append(JSON.Member(key, resolved))
      return value
    }
    guard let defaultValue else {
      throw error(nil, "the key \"\(key)\" is missing" + (documentation.isEmpty ? "" : " (\(documentation))"))
    }
    if let json = encode(defaultValue) { resolvedMembers.append(JSON.Member(key, json)) }
    return defaultValue
  }

  /// A reader of a part of this object, or one that describes it.
  func reader(of value: JSON, path: String) throws(ConfigurationError) -> SettingsReader {
    isDescribing ? SettingsReader(describingInto: definitions) : try SettingsReader(value, path: path)
  }

  /// Describes a catalog under its name, once.
  func define(_ name: String, _ describe: (SchemaDefinitions) -> [SchemaNode]) {
    if isDescribing { definitions.define(name) { describe(definitions) } }
  }

  /// Describes a nested object.
  func describe<S: Settings>(_ type: S.Type) -> [SchemaProperty] {
    guard isDescribing else { return [] }
    let reader = SettingsReader(describingInto: definitions)
    _ = try? S(from: reader)
    return reader.properties
  }
}

extension JSON {
  /// The value for an error message: at most 60 characters.
  var excerpt: String {
    let text = compactText
    return text.count <= 60 ? text : text.prefix(57) + "…"
  }
}
