import Configuration
import JSON
import Tensors
import Tokenizers

/// Windows of a text, to predict each next token.
///
/// Splits are contiguous, as in nanoGPT: training takes the tokens from the beginning, then come those to validate and
/// those for the test, so no training window reaches into either. `validation_count` and `test_count` count windows.
package struct TextData: DataKind {
  package static let kind = "text"
  package static let places = ["files", "jsonl", "cache", "tokenizer.file"]
  package static let documentation =
    "text files or JSON lines as tokens, in windows that predict each next token; splits are contiguous"

  package enum Order: String, CaseIterable, Sendable {
    /// Windows in a new order every epoch.
    case windows
    /// Each row of a batch continues its row in the batch before: for recurrent networks that carry their state.
    case streams
  }

  package var files: [String]?
  package var jsonl: [String]?
  package var textKey: String?
  package var pattern: String?
  package var tokenizer = TokenizerChoice.bytes
  package var length = 256
  package var order = Order.windows
  package var separator: String?
  package var masksBoundaries = false
  package var cache: String?
  package var maxBytes = IDXFile.defaultLimit
  /// Corpora of more bytes are kept in a cache.
  package var largeByteCount = TextTokens.largeByteCount

  static let defaultPattern = "**/*.txt"
  static let defaultTextKey = "text"
  static let longestWindow = 1 << 24

  package init(files: [String]) { self.files = files }

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    files = try reader.optionalStringOrStrings(
      "files", "text files, folders, or patterns with *, ** and ?: one or a list, each file a document")
    jsonl = try reader.optionalStringOrStrings(
      "jsonl", "instead of files: files with one JSON object per line, each a document")
    textKey = try reader.optionalString("text_key", "the key of the text in JSON lines (default \"text\")")
    pattern = try reader.optionalString("pattern", "which files of a folder are read (default \"**/*.txt\")")
    tokenizer = try reader.tokenizer()
    length = try reader.integer("length", default: 256, in: 1...Self.longestWindow, "tokens in a window")
    order = try reader.choice(
      "order", default: .windows,
      "windows: in a new order every epoch; streams: each row of a batch continues the one before, to carry a state")
    separator = try reader.optionalString(
      "separator", "text between documents (default: <|endoftext|> if the tokenizer has it, or nothing)")
    masksBoundaries = try reader.boolean(
      "document_boundaries", default: false,
      "do not learn a document's first token from the document before; attention still sees that one")
    cache = try reader.optionalString(
      "cache", "the folder that tokens of a large corpus are kept in (default: that of its first file)")
    maxBytes = try reader.maxBytes()
    try reader.require((files == nil) != (jsonl == nil), nil, "give either \"files\" or \"jsonl\"")
    try reader.require(textKey == nil || jsonl != nil, "text_key", "is not used without \"jsonl\"")
  }

  package var windowLength: Int? { length }

  package func open(seed: UInt64) throws(DataError) -> OpenedSamples {
    try open(seed: seed, settings: CommonDataSettings())
  }

  package func open(seed: UInt64, settings: CommonDataSettings) throws(DataError) -> OpenedSamples {
    let corpus = try corpus()
    let tokens = try TextTokens(
      corpus, tokenizer, separator: separator, cache: cache, largeByteCount: largeByteCount)
    let splits = try TokenSplits(tokens.store.count, settings, length: length, name: corpus.name)
    func windows(_ range: Range<Int>, _ purpose: TextWindows.Purpose) -> TextWindows {
      TextWindows(
        tokens.store, range, length: length, vocabularySize: tokens.tokenizer.vocabularySize,
        masksBoundaries: masksBoundaries, purpose: purpose, name: corpus.name, description: tokens.description)
    }
    var opened = OpenedSamples(
      samples: windows(splits.training, .training(seed: settings.shuffle ? seed : nil)),
      test: splits.test.isEmpty ? nil : windows(splits.test, .evaluation))
    opened.validation = splits.validation.isEmpty ? nil : windows(splits.validation, .evaluation)
    opened.isSplit = true
    opened.tokenizer = tokens.tokenizer
    if order == .streams { opened.pieceLength = length }
    return opened
  }

  func corpus() throws(DataError) -> TextCorpus {
    try TextCorpus(
      files ?? jsonl ?? [], pattern: pattern ?? Self.defaultPattern,
      textKey: jsonl == nil ? nil : textKey ?? Self.defaultTextKey, maxBytes: maxBytes)
  }
}

/// The tokens for training, validation and test: one range after another.
struct TokenSplits: Equatable {
  let training: Range<Int>
  let validation: Range<Int>
  let test: Range<Int>

  /// - Parameter length: tokens in a window.
  init(_ count: Int, _ settings: CommonDataSettings, length: Int, name: String) throws(DataError) {
    let trained = max(0, Self.left(count, settings.validation, settings.test, length))
    let validated = max(trained, Self.left(count, settings.test, .fraction(0), length))
    training = 0..<trained
    validation = trained..<validated
    test = validated..<max(validated, count)
    guard training.count > length else {
      throw DataError(
        name, at: "data.length", expected: "at least the \(length + 1) tokens of a window to train on",
        found: "\(training.count) of \(count)",
        advice: "take more text, a shorter length or a smaller validation_fraction")
    }
    for (split, range, size) in [("validation", validation, settings.validation), ("test", test, settings.test)] {
      guard range.count >= 2 || size == .fraction(0) || size == .count(0) else {
        throw DataError(
          name, at: "data.\(split)_fraction", expected: "a share of \(count) tokens of at least two",
          found: "\(range.count)", advice: "raise it or set it to 0")
      }
    }
  }

  /// The tokens before the two splits at the end, as nanoGPT rounds: `int(n · 0.9)`.
  private static func left(_ count: Int, _ a: SplitSize, _ b: SplitSize, _ length: Int) -> Int {
    var fraction = 1.0
    var tokens = 0
    for size in [a, b] {
      switch size {
      case .fraction(let share): fraction -= share
      // A window of T predictions is T + 1 tokens.
      case .count(let windows): tokens += windows == 0 ? 0 : min(windows, count) * length + 1
      }
    }
    return Int(Double(count) * fraction) - tokens
  }
}
