import Configuration

/// The settings of one kind of data, and how its samples are opened.
package protocol DataKind: Settings {
  /// The value of "type".
  static var kind: String { get }
  static var documentation: String { get }
  /// - Parameter seed: of everything random in the samples themselves; kinds that read files ignore it.
  func open(seed: UInt64) throws(DataError) -> OpenedSamples
}

/// The samples a data set consists of, and those that it sets apart for the test itself.
package struct OpenedSamples: Sendable {
  package var samples: any SampleSource
  package var test: (any SampleSource)?

  package init(samples: any SampleSource, test: (any SampleSource)? = nil) {
    self.samples = samples
    self.test = test
  }
}

extension SettingsReader {
  /// The bound that keeps a wrong or hostile file from taking all memory.
  func maxBytes() throws(ConfigurationError) -> Int {
    try integer(
      "max_bytes", default: IDXFile.defaultLimit, in: 1...(1 << 46), "a file whose content is larger is refused")
  }
}
