import JSON

/// Makes the JSON Schema (draft-07) of a kind of file from the calls that decode it.
package enum SchemaDocument {
  /// - Parameter describe: reads the file's keys from a reader that only describes.
  package static func make(_ title: String, describe: (SettingsReader) throws(ConfigurationError) -> Void) -> JSON {
    let definitions = SchemaDefinitions()
    let reader = SettingsReader(describingInto: definitions)
    try? describe(reader)
    let extends = SchemaProperty(
      key: "extends", node: .string(pattern: nil), documentation: "a file whose values this one overrides, key by key",
      defaultValue: nil, isRequired: false)
    // Required keys may be in the file that a file extends.
    var root = SchemaNode.object([extends] + reader.properties).schema.members ?? []
    root.removeAll { $0.key == "required" }
    var members: [(String, JSON)] = [
      ("$schema", .string("http://json-schema.org/draft-07/schema#")),
      ("title", .string(title)),
    ]
    members += root.map { ($0.key, $0.value) }
    members.append(
      (
        "definitions",
        .object(
          definitions.alternatives.sorted { $0.key < $1.key }.map { name, nodes in
            (name, .object([("oneOf", .array(nodes.map(\.schema)))]))
          })
      ))
    return .object(members)
  }
}
