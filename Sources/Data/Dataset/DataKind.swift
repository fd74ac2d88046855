import Configuration
import Formats
import Tensors
import Tokenizers

/// The settings of one kind of data, and how its samples are opened.
package protocol DataKind: Settings {
  /// The value of "type".
  static var kind: String { get }
  static var documentation: String { get }
  /// The keys that say where the samples lie and not which they are: samples with the same fingerprint may move.
  static var places: [String] { get }
  /// Describes the data at a path; nil where this kind does not recognize them.
  static func inspect(_ place: InspectedPath) throws(DataError) -> DatasetSummary?

  /// - Parameter seed: of everything random in the samples themselves; kinds that read files ignore it.
  func open(seed: UInt64) throws(DataError) -> OpenedSamples
  /// Also splits the samples as the settings ask, where the kind itself does that.
  func open(seed: UInt64, settings: CommonDataSettings) throws(DataError) -> OpenedSamples

  /// Bytes that a generated set will take, known before it is drawn; nil for files.
  var expectedByteCount: Int? { get }
  /// A generated set with a few of its samples, which takes no time to draw, and the number of all; nil for others.
  var outline: (few: any DataKind, count: Int)? { get }
  /// Tokens in a window, where samples are windows of one text, which "order" can also put into streams; nil elsewhere.
  var windowLength: Int? { get }
  /// How images of other sizes are brought to that of the samples.
  var resizingMode: ImageResizing.Mode { get }
}

extension DataKind {
  package func open(seed: UInt64, settings: CommonDataSettings) throws(DataError) -> OpenedSamples {
    try open(seed: seed)
  }

  package static var places: [String] { [] }
  package static func inspect(_ place: InspectedPath) throws(DataError) -> DatasetSummary? { nil }
  package var expectedByteCount: Int? { nil }
  package var outline: (few: any DataKind, count: Int)? { nil }
  package var windowLength: Int? { nil }
  package var resizingMode: ImageResizing.Mode { .stretch }

  /// Refuses a generated set that this machine has no memory for, before it is drawn.
  func checkMemory() throws(DataError) {
    guard let bytes = expectedByteCount, let available = SystemMemory.availableByteCount, bytes > available else {
      return
    }
    throw DataError(
      Self.kind, at: "data", expected: "samples that fit into the \(DataError.bytes(available)) of memory available",
      found: "\(DataError.bytes(bytes))", advice: "lower their number")
  }
}

/// The samples of a data set, and those that it sets apart itself.
package struct OpenedSamples: Sendable {
  package var samples: any SampleSource
  package var validation: (any SampleSource)?
  package var test: (any SampleSource)?
  /// Whether the kind has made all splits: then `samples` are for training alone.
  package var isSplit = false
  /// Of text.
  package var tokenizer: Tokenizer?
  /// Tokens in a sample, where each sample continues the one before it and rows of batches are to follow in that order;
  /// nil where samples come in any order.
  package var pieceLength: Int?
  /// Samples that were left out because they cannot be read; nil where there are none.
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
