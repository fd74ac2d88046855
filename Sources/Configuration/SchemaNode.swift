import JSON

/// The values that a key accepts, which `SettingsReader` records as it reads, as JSON Schema.
package indirect enum SchemaNode: Sendable {
  case boolean
  case integer(minimum: Int, maximum: Int)
  case number(minimum: Double, maximum: Double, exclusiveMinimum: Bool)
  case string(pattern: String?)
  case choice([String])
  case array(SchemaNode, minimumCount: Int)
  case object([SchemaProperty])
  /// One of several objects, distinguished by "type", under its name in `definitions`.
  case reference(String)
  case either(SchemaNode, SchemaNode)
  /// An object with free keys.
  case map(SchemaNode)
  /// A value of any kind.
  case any
}

/// One key of an object.
package struct SchemaProperty: Sendable {
  package let key: String
  package let node: SchemaNode
  package let documentation: String
  package let defaultValue: JSON?
  package let isRequired: Bool

  package init(key: String, node: SchemaNode, documentation: String, defaultValue: JSON?, isRequired: Bool) {
    self.key = key
    self.node = node
    self.documentation = documentation
    self.defaultValue = defaultValue
    self.isRequired = isRequired
  }
}

/// The catalogs that readers have described: name → alternatives.
package final class SchemaDefinitions {
  package private(set) var alternatives: [String: [SchemaNode]] = [:]

  package init() {}

  /// Describes a catalog once, even one that refers to itself.
  func define(_ name: String, _ describe: () -> [SchemaNode]) {
    guard alternatives[name] == nil else { return }
    alternatives[name] = []
    alternatives[name] = describe()
  }
}

extension SchemaNode {
  /// This node as draft-07 JSON Schema.
  package var schema: JSON {
    switch self {
    case .boolean: return .object([("type", .string("boolean"))])
    case .integer(let minimum, let maximum):
      var members = [("type", JSON.string("integer"))]
      if minimum > Int.min { members.append(("minimum", .integer(minimum))) }
      if maximum < Int.max { members.append(("maximum", .integer(maximum))) }
      return .object(members)
    case .number(let minimum, let maximum, let exclusive):
      var members = [("type", JSON.string("number"))]
      if minimum.isFinite { members.append((exclusive ? "exclusiveMinimum" : "minimum", .number(minimum))) }
      if maximum.isFinite { members.append(("maximum", .number(maximum))) }
      return .object(members)
    case .string(let pattern):
      return .object([("type", .string("string"))] + (pattern.map { [("pattern", .string($0))] } ?? []))
    case .choice(let values): return .object([("enum", .array(values.map(JSON.string)))])
    case .array(let element, let minimumCount):
      let bound = minimumCount > 0 ? [("minItems", JSON.integer(minimumCount))] : []
      return .object([("type", .string("array")), ("items", element.schema)] + bound)
    case .object(let properties): return .object(SchemaNode.members(of: properties))
    case .reference(let name): return .object([("$ref", .string("#/definitions/\(name)"))])
    case .map(let node): return .object([("type", .string("object")), ("additionalProperties", node.schema)])
    case .any: return .object([])
    case .either(let first, let second): return .object([("anyOf", .array([first.schema, second.schema]))])
    }
  }

  private static func members(of properties: [SchemaProperty]) -> [(String, JSON)] {
    let required = properties.filter(\.isRequired).map { JSON.string($0.key) }
    var members: [(String, JSON)] = [("type", .string("object")), ("additionalProperties", .boolean(false))]
    if !required.isEmpty { members.append(("required", .array(required))) }
    members.append(("properties", .object(properties.map { ($0.key, $0.schema) })))
    return members
  }
}

extension SchemaProperty {
  var schema: JSON {
    // Draft-07 ignores everything beside "$ref", so a described reference is wrapped.
    var members: [(String, JSON)]
    if case .reference = node {
      members = [("allOf", .array([node.schema]))]
    } else {
      members = (node.schema.members ?? []).map { ($0.key, $0.value) }
    }
    if !documentation.isEmpty { members.insert(("description", .string(documentation)), at: 0) }
    if let defaultValue { members.append(("default", defaultValue)) }
    return .object(members)
  }
}
