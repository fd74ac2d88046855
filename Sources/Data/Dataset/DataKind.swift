import Configuration
import Tensors
import Tokenizers

/// The settings of one kind of data, and how its samples are opened.
package protocol DataKind: Settings {
  /// The value of "type".
  static var kind: String { get }
  static var documentation: String { get }
  /// - Parameter seed: of everything random in the samples themselves; kinds that read files ignore it.
  func open(seed: UInt64) throws(DataError) -> OpenedSamples
  /// The same for kinds that split themselves, as the common settings ask.
  func open(seed: UInt64, settings: CommonDataSettings) throws(DataError) -> OpenedSamples
  /// Bytes that opening will take, where the settings alone tell: of generated sets, before they are drawn.
  var expectedByteCount: Int? { get }
}

extension DataKind {
  package func open(seed: UInt64, settings: CommonDataSettings) throws(DataError) -> OpenedSamples {
    try open(seed: seed)
  }

  package var expectedByteCount: Int? { nil }

  /// Refuses what this machine has no memory for, before any of it is made.
  func checkMemory() throws(DataError) {
    guard let bytes = expectedByteCount, let available = SystemMemory.availableByteCount, bytes > available else {
      return
    }
    throw DataError(
      Self.kind, at: "data", expected: "samples that fit into the \(DataError.bytes(available)) of memory available",
      found: "\(DataError.bytes(bytes))", advice: "lower their number")
  }
}

/// The samples a data set consists of, and those that it sets apart itself.
package struct OpenedSamples: Sendable {
  package var samples: any SampleSource
  package var validation: (any SampleSource)?
  package var test: (any SampleSource)?
  /// Whether the kind has made all splits: then `samples` are for training alone.
  package var isSplit = false
  /// Of text.
  package var tokenizer: Tokenizer?
  /// Tokens in a sample, where a sample goes on where the one before it in the source stops and rows of batches are to
  /// follow one another that way; nil where samples are met in any order.
  package var pieceLength: Int?
  /// What was left out because it cannot be read; nil where nothing was.
  package var skipped: SkippedSamples?

  package init(samples: any SampleSource, test: (any SampleSource)? = nil) {
    self.samples = samples
    self.test = test
  }

  /// Training samples first, then validation and test samples.
  func joined() throws(DataError) -> any SampleSource {
    var source = samples
    if let validation { source = try JoinedSamples(source, validation) }
    if let test { source = try JoinedSamples(source, test) }
    return source
  }
}

extension SettingsReader {
  /// The bound that keeps a wrong or hostile file from taking all memory.
  func maxBytes() throws(ConfigurationError) -> Int {
    try integer(
      "max_bytes", default: IDXFile.defaultLimit, in: 1...(1 << 46), "a file whose content is larger is refused")
  }
}
