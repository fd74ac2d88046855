import Configuration
import JSON
import Tokenizers

/// The "tokenizer" of a configuration.
package enum TokenizerChoice: Sendable, Equatable {
  case bytes
  /// Nil: the characters of the corpus itself.
  case characters(file: String?)
  case bytePair(file: String)

  package static let catalog = Catalog<TokenizerChoice>(
    "tokenizer",
    [
      CatalogEntry("bytes", "a token a byte: 256 of them, and any file is text") { (_) throws(ConfigurationError) in
        .bytes
      },
      CatalogEntry("characters", "a token a character, in the order of Unicode, as nanoGPT's shakespeare_char") {
        (reader) throws(ConfigurationError) in
        .characters(
          file: try reader.optionalString(
            "file", "a vocabulary of `troupe tokenizer train`; by default the characters of the whole corpus"))
      },
      CatalogEntry("byte_pair", "byte-level byte-pair encoding, as GPT-2") { (reader) throws(ConfigurationError) in
        .bytePair(
          file: try reader.string("file", "a tokenizer.json of `troupe tokenizer train` or of Hugging Face"))
      },
    ])

  private var file: String? {
    switch self {
    case .bytes: nil
    case .characters(let file): file
    case .bytePair(let file): file
    }
  }

  private var kind: String {
    switch self {
    case .bytes: "bytes"
    case .characters: "characters"
    case .bytePair: "byte_pair"
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
  /// A tokenizer's file is refused beyond this.
  private static let largestFile = 256 << 20

  /// Reads a file of `troupe tokenizer train` or a `tokenizer.json` of Hugging Face.
  package init(file: String) throws(DataError) {
    var input = try InputFile(path: file)
    let text = try input.rest(limit: Self.largestFile)
    do throws(TokenizerError) {
      self = try Tokenizer(text: text)
    } catch {
      throw DataError(file, error)
    }
  }
}

extension DataError {
  /// - Parameter place: where the text lies that the error counts bytes of, such as a line; empty for the whole file.
  package init(_ subject: String, _ error: TokenizerError, in place: String = "") {
    self.init(
      subject, at: [place, error.place].filter { !$0.isEmpty }.joined(separator: ", "), expected: error.expected,
      found: error.found, advice: error.advice)
  }
}

extension SettingsReader {
  func tokenizer() throws(ConfigurationError) -> TokenizerChoice {
    try component(
      "tokenizer", from: TokenizerChoice.catalog, default: .object([("type", .string("bytes"))]),
      "what makes tokens of the text") ?? .bytes
  }
}
