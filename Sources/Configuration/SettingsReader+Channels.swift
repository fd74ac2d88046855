import JSON

// Numbers that belong to the channels of an image.
extension SettingsReader {
  /// One number for all channels, or a list with one per channel.
  ///
  /// - Returns: at least one number; only the data know the number of channels.
  package func perChannel(
    _ key: String, in range: ClosedRange<Double>, above: Bool = false, _ documentation: String
  ) throws(ConfigurationError) -> [Double] {
    try read(
      key, Self.channelNode(range, above), default: nil, placeholder: [range.upperBound], documentation: documentation,
      isRequired: true, encode: { _ in nil },
      decode: { (json, path) throws(ConfigurationError) in (try json.decodedChannels(path, range, above), json) })
  }

  /// The same, or nil where the key is not written.
  package func optionalPerChannel(
    _ key: String, in range: ClosedRange<Double>, _ documentation: String
  ) throws(ConfigurationError) -> [Double]? {
    try read(
      key, Self.channelNode(range, false), default: .some(nil), placeholder: nil, documentation: documentation,
      isRequired: false, encode: { _ in nil },
      decode: { (json, path) throws(ConfigurationError) in (try json.decodedChannels(path, range, false), json) })
  }

  private static func channelNode(_ range: ClosedRange<Double>, _ above: Bool) -> SchemaNode {
    let number = SchemaNode.number(
      minimum: range.lowerBound, maximum: range.upperBound, exclusiveMinimum: above)
    return .either(number, .array(number, minimumCount: 1))
  }
}

extension JSON {
  fileprivate func decodedChannels(
    _ path: String, _ range: ClosedRange<Double>, _ above: Bool
  ) throws(ConfigurationError) -> [Double] {
    if case .number = content { return [try decodedNumber(path, range, above: above)] }
    guard let elements = array, !elements.isEmpty else {
      throw mistyped(path, expected: "a number, or a list with one per channel")
    }
    return try elements.decoded(path) { (element, path) throws(ConfigurationError) in
      try element.decodedNumber(path, range, above: above)
    }
  }
}
