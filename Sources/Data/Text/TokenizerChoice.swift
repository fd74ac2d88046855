import Configuration
import JSON
import Tokenizers

/// The "tokenizer" of a configuration.
package struct TokenizerChoice: Sendable, Equatable {
  let kind: String
  let file: String?

  package init(kind: String, file: String? = nil) {
    self.kind = kind
    self.file = file
  }

  package static let bytes = TokenizerChoice(kind: ByteModel.kind)
  /// The characters of the corpus itself.
  package static let ownCharacters = TokenizerChoice(kind: CharacterVocabulary.kind)

  package static let catalog = Catalog<TokenizerChoice>("tokenizer", TokenizerCatalog.models.map(entry))

  private static func entry(_ model: any TokenizerModel.Type) -> CatalogEntry<TokenizerChoice> {
    CatalogEntry(model.kind, model.documentation) { (reader) throws(ConfigurationError) in
      switch model.file {
      case .none: TokenizerChoice(kind: model.kind)
      case .optional(let text): TokenizerChoice(kind: model.kind, file: try reader.optionalString("file", text))
      case .required(let text): TokenizerChoice(kind: model.kind, file: try reader.string("file", text))
      }
    }
  }

  /// The tokenizer; nil where the corpus decides it.
  ///
  /// - Parameter key: where the configuration has the choice.
  func tokenizer(key: String = "data.tokenizer") throws(DataError) -> Tokenizer? {
    if self == .bytes { return .bytes }
    guard let file else { return nil }
    let tokenizer = try Tokenizer(file: file)
    guard tokenizer.kind == kind else {
      throw DataError(
        file, expected: "a tokenizer of the type \(kind)", found: tokenizer.kind,
        advice: "set \(key).type to \"\(tokenizer.kind)\"")
    }
    return tokenizer
  }
}

extension Tokenizer {
  /// Largest file of a tokenizer.
  private static let largestFile = 256 << 20

  /// Reads a file of `troupe tokenizer train` or a `tokenizer.json` of Hugging Face.
  package init(file: String) throws(DataError) {
    var input = try InputFile(path: file)
    let text = try input.rest(limit: Self.largestFile)
    self = try DataError.locating(file) { () throws(TokenizerError) in try Tokenizer(text: text) }
  }
}

extension DataError {
  /// - Parameter place: of the text in which the error counts bytes, such as a line; empty for the whole file.
  package init(_ subject: String, _ error: TokenizerError, in place: String = "") {
    self.init(
      subject, at: [place, error.place].filter { !$0.isEmpty }.joined(separator: ", "), expected: error.expected,
      found: error.found, advice: error.advice)
  }

  /// Runs `body` on a text of `subject`, whose errors then name both.
  static func locating<Result>(
    _ subject: String, _ place: String = "", _ body: () throws(TokenizerError) -> Result
  ) throws(DataError) -> Result {
    do throws(TokenizerError) {
      return try body()
    } catch {
      throw DataError(subject, error, in: place)
    }
  }
}

extension SettingsReader {
  func tokenizer() throws(ConfigurationError) -> TokenizerChoice {
    try component(
      "tokenizer", from: TokenizerChoice.catalog, default: .object([("type", .string("bytes"))]),
      "how text becomes tokens") ?? .bytes
  }
}
