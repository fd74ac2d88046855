extension SettingsReader {
  /// A list of durations of at least one of their unit, or nil where the key is not written.
  package func optionalDurations(
    _ key: String, _ documentation: String
  ) throws(ConfigurationError) -> [TrainingDuration]? {
    let node = SchemaNode.string(pattern: TrainingDuration.pattern)
    return try read(
      key, .array(node, minimumCount: 1), default: .some(nil), placeholder: nil, documentation: documentation,
      isRequired: false, encode: { $0.map { .array($0.map { .string($0.description) }) } },
      decode: { (json, path) throws(ConfigurationError) in
        guard let elements = json.array, !elements.isEmpty else {
          throw json.mistyped(path, expected: "a list of durations such as [\"30 epochs\", \"60 epochs\"]")
        }
        let durations = try elements.decoded(path) { (element, path) throws(ConfigurationError) in
          try element.decodedDuration(path, 1)
        }
        return (durations, json)
      })
  }
}
