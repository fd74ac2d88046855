import Configuration
import JSON
import Tokenizers

/// Pairs of a source and a target text, such as translations: one per line, as tab-separated values or JSON.
package struct PairData: DataKind {
  package static let kind = "pairs"
  package static let places = ["files", "tokenizer.file"]
  package static let documentation =
    "pairs of source and target texts, one per line: tab-separated, or JSON in files that end in .jsonl or .json"

  /// The treatment of pairs that are longer than the lengths allow.
  package enum TooLong: String, CaseIterable, Sendable { case refuse, drop }

  package var files: [String]
  package var sourceKey: String?
  package var targetKey: String?
  package var tokenizer = TokenizerChoice.bytes
  package var sourceLength = 64
  package var targetLength = 64
  package var tooLong = TooLong.refuse
  package var maxBytes = IDXFile.defaultLimit

  package init(files: [String]) { self.files = files }

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    files = try reader.stringOrStrings(
      "files", "files with one pair per line, folders of .tsv, or patterns with *, ** and ?: one or a list")
    sourceKey = try reader.optionalString("source_key", "the key of the source in JSON (default \"source\")")
    targetKey = try reader.optionalString("target_key", "the key of the target in JSON (default \"target\")")
    tokenizer = try reader.tokenizer()
    let lengths = 1...TextData.longestWindow
    sourceLength = try reader.integer("source_length", default: 64, in: lengths, "most tokens of a source")
    targetLength = try reader.integer(
      "target_length", default: 64, in: lengths, "most tokens of a target, the end token among them")
    tooLong = try reader.choice(
      "too_long", default: .refuse, "pairs of more tokens are refused by their line, or dropped")
    maxBytes = try reader.maxBytes()
  }

  package func open(seed: UInt64) throws(DataError) -> OpenedSamples {
    let corpus = try TextCorpus(files, pattern: "**/*.tsv", textKey: nil, maxBytes: maxBytes)
    let lines = try PairLines(corpus, sourceKey: sourceKey ?? "source", targetKey: targetKey ?? "target")
    guard !lines.pairs.isEmpty else { throw DataError(corpus.name, expected: "pairs of texts", found: "none") }
    var found = try tokenizer.tokenizer()
    if found == nil { found = try lines.characters() }
    guard let text = found else {
      throw DataError(corpus.name, expected: "texts with characters", found: "none")
    }
    let layout = PairLayout(text, sourceLength: sourceLength, targetLength: targetLength)
    let samples = try PairSamples(lines, layout, text, drops: tooLong == .drop, name: corpus.name)
    var opened = OpenedSamples(samples: samples)
    opened.tokenizer = layout.tokenizer
    return opened
  }
}

/// The texts of pairs, with their places.
struct PairLines {
  struct Pair {
    let source: [UInt8]
    let target: [UInt8]
    let file: String
    let line: Int
  }

  private(set) var pairs: [Pair] = []

  init(_ corpus: TextCorpus, sourceKey: String, targetKey: String) throws(DataError) {
    try corpus.forEachDocument { (document) throws(DataError) in
      let isJSON = document.file.hasSuffix(".jsonl") || document.file.hasSuffix(".json")
      try TextLines.forEach(document.text) { (line, number) throws(DataError) in
        let columns: ([UInt8], [UInt8])? =
          isJSON
          ? try Self.json(line, document.file, number, sourceKey, targetKey)
          : try Self.columns(line, document.file, number)
        guard let (source, target) = columns else { return }
        guard !source.isEmpty else {
          throw DataError(document.file, at: "line \(number)", expected: "a source text", found: "an empty one")
        }
        pairs.append(Pair(source: source, target: target, file: document.file, line: number))
      }
    }
  }

  private static func columns(
    _ line: ArraySlice<UInt8>, _ file: String, _ number: Int
  ) throws(DataError) -> ([UInt8], [UInt8]) {
    let columns = line.split(separator: UInt8(ascii: "\t"), omittingEmptySubsequences: false)
    guard columns.count == 2 else {
      throw DataError(
        file, at: "line \(number)", expected: "a source, a tab and a target", found: "\(columns.count - 1) tabs")
    }
    return (Array(columns[0]), Array(columns[1]))
  }

  private static func json(
    _ line: ArraySlice<UInt8>, _ file: String, _ number: Int, _ sourceKey: String, _ targetKey: String
  ) throws(DataError) -> ([UInt8], [UInt8])? {
    guard let json = try TextLines.object(line, file, number, keys: [sourceKey, targetKey]) else { return nil }
    func text(_ key: String, _ setting: String) throws(DataError) -> [UInt8] {
      if let text = json[key]?.string { return Array(text.utf8) }
      throw DataError(
        file, at: "line \(number)", expected: "a text under \"\(key)\"", found: json[key]?.kindName ?? "none",
        advice: "set data.\(setting)")
    }
    return (try text(sourceKey, "source_key"), try text(targetKey, "target_key"))
  }

  /// A tokenizer of the characters of all texts; nil where there are none.
  func characters() throws(DataError) -> Tokenizer? {
    var census = CharacterCensus()
    for pair in pairs {
      try DataError.locating(pair.file, "line \(pair.line)") { () throws(TokenizerError) in
        try census.add(pair.source)
        try census.add(pair.target)
      }
    }
    return census.vocabulary.map(Tokenizer.characters)
  }
}
