import Files
import Foundation
import Tokenizers

/// A corpus as tokens: read, encoded, and kept in a file where it is large.
struct TextTokens {
  let store: TokenStore
  let tokenizer: Tokenizer
  /// Digests of everything that decides the tokens.
  let description: String

  /// Corpora of more bytes are kept in a file.
  static let largeByteCount = 64 << 20

  /// - Parameters:
  ///   - separator: the text between documents; nil for the tokenizer's end of text, if it has one.
  ///   - cache: the folder for tokens of a large corpus; nil for that of the corpus, if it can be written to.
  init(
    _ corpus: TextCorpus, _ choice: TokenizerChoice, separator: String?, cache: String?,
    largeByteCount: Int = Self.largeByteCount
  ) throws(DataError) {
    let survey = try CorpusSurvey(corpus, gathersCharacters: choice == .ownCharacters)
    guard survey.byteCount > 0 else { throw corpus.emptyError }
    let given = try choice.tokenizer()
    guard let tokenizer = given ?? survey.vocabulary.map(Tokenizer.characters) else {
      preconditionFailure("a text that is not empty has characters")
    }
    self.tokenizer = tokenizer
    let between = try Self.separatorTokens(separator, tokenizer, corpus)
    description = "text \(tokenizer.digest) \(between)"
    let key = TokenCache.Key(
      corpusChecksum: survey.checksum, corpusByteCount: survey.byteCount,
      tokenizerChecksum: CRC32C.checksum(Array(description.utf8).span.bytes),
      width: tokenizer.vocabularySize <= TokenStore.mostNarrow ? 2 : 4)
    guard survey.byteCount >= largeByteCount, let first = corpus.files.first else {
      store = try Self.encode(corpus, tokenizer, between)
      return
    }
    let beside = URL(fileURLWithPath: first).deletingLastPathComponent().path
    let file = TokenCache(folder: cache ?? beside, key: key)
    if let kept = file.read() {
      store = kept
      return
    }
    let encoded = try Self.encode(corpus, tokenizer, between)
    do throws(DataError) {
      try file.write(encoded)
    } catch {
      // Beside the data the file is optional; in a folder that the settings name it is not.
      if cache != nil { throw error }
    }
    store = file.read() ?? encoded
  }

  private static func separatorTokens(
    _ separator: String?, _ tokenizer: Tokenizer, _ corpus: TextCorpus
  ) throws(DataError) -> [Int32] {
    guard let separator else { return tokenizer.token(special: Tokenizer.endOfText).map { [$0] } ?? [] }
    return try DataError.locating(corpus.name, "data.separator") { () throws(TokenizerError) in
      try tokenizer.encode(separator)
    }
  }

  private static func encode(
    _ corpus: TextCorpus, _ tokenizer: Tokenizer, _ separator: [Int32]
  ) throws(DataError) -> TokenStore {
    var encoder = TokenEncoder(tokenizer)
    var collector = TokenCollector(vocabularySize: tokenizer.vocabularySize)
    var tokens: [Int32] = []
    try corpus.forEachDocument { (document) throws(DataError) in
      guard !document.text.isEmpty else { return }
      tokens.removeAll(keepingCapacity: true)
      try DataError.locating(document.file, document.place) { () throws(TokenizerError) in
        try encoder.append(document.text, to: &tokens)
      }
      if collector.count > 0 { collector.append(separator) }
      collector.beginDocument()
      collector.append(tokens)
    }
    return collector.store()
  }
}

/// Checksum, size and characters of a corpus, from reading it once.
struct CorpusSurvey {
  private(set) var checksum: UInt32 = 0
  private(set) var byteCount = 0
  private(set) var documentCount = 0
  private var census: CharacterCensus?

  var vocabulary: CharacterVocabulary? { census?.vocabulary }

  init(_ corpus: TextCorpus, gathersCharacters: Bool) throws(DataError) {
    if gathersCharacters { census = CharacterCensus() }
    try corpus.forEachDocument { (document) throws(DataError) in
      // The length too, so that text moved from one document to the next is another corpus.
      checksum = CRC32C.checksum([UInt64(document.text.count)].span.bytes, from: checksum)
      checksum = CRC32C.checksum(document.text.span.bytes, from: checksum)
      byteCount += document.text.count
      documentCount += 1
      try DataError.locating(document.file, document.place) { () throws(TokenizerError) in
        try census?.add(document.text)
      }
    }
  }
}
