import JSON

/// Settings that are read from a JSON object, key by key.
///
/// The initialiser is the one table of the component's keys: the same calls decode and validate a configuration, fill in
/// its defaults for the resolved one, and describe themselves for the JSON Schema.
package protocol Settings: Sendable {
  init(from reader: SettingsReader) throws(ConfigurationError)
}

/// Reads the keys of one JSON object strictly, and remembers what was asked for.
///
/// Each reading method declares a key with its type, bounds, default and documentation. A missing key without a default, a
/// value of another type or outside the bounds throws; `finish()` refuses keys that nobody asked for. When the reader only
/// describes, every method records its key and returns the default or a placeholder, so an initialiser must check how keys
/// fit together through `require`, which then does nothing.
package final class SettingsReader {
  /// The keys from the top of the file to this object.
  package let path: String
  /// Whether this reader only collects what could be written.
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

  /// A reader that only describes; catalogues it meets are added to `definitions`.
  package init(describingInto definitions: SchemaDefinitions) {
    source = .object([])
    written = MemberIndex([])
    path = ""
    isDescribing = true
    self.definitions = definitions
  }

  /// What was read with every default filled in.
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

  /// Throws unless `condition` holds: for what ties several keys together.
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
      // What the object as a whole lacks may be there under a misspelt name.
      guard error.path == path, let slip = slip(knownTo: make) else { throw error }
      throw ConfigurationError(
        path: path, message: "\(error.message); is \"\(slip.written.key)\" meant to be \"\(slip.known)\"?",
        location: slip.written.value.location)
    }
  }

  /// Unknown keys that are compared with the known ones; the bound keeps a huge object from costing minutes.
  private static let mostSlips = 1_000

  /// The first key that `make` does not know and that is nearly one which it knows and which is not written.
  private func slip<Product>(
    knownTo make: (SettingsReader) throws(ConfigurationError) -> Product
  ) -> (written: JSON.Member, known: String)? {
    let describing = SettingsReader(describingInto: SchemaDefinitions())
    _ = try? make(describing)
    let known = (properties + describing.properties).map(\.key)
    let absent = known.filter { !has($0) }
    for member in written.members.lazy.filter({ !known.contains($0.key) }).prefix(Self.mostSlips) {
      if let name = NearestName.of(member.key, among: absent) { return (member, name) }
    }
    return nil
  }

  /// Refuses every key that no reading method asked for.
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
  ///   - placeholder: what a describing reader gets where there is no default.
  ///   - decode: turns the written value into the wanted one or throws.
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

  /// Describes a catalogue under its name, once.
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
  /// The value as it stands in an error message: at most 60 characters.
  var excerpt: String {
    let text = compactText
    return text.count <= 60 ? text : text.prefix(57) + "…"
  }
}
