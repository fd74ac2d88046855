import JSON

/// One kind of tokenizer: a vocabulary, and how text becomes its tokens.
package protocol TokenizerModel: Sendable {
  /// The value of "type".
  static var kind: String { get }
  static var documentation: String { get }
  static var file: TokenizerFile { get }
  /// Reads a tokenizer; nil where the JSON is of another kind.
  static func tokenizer(_ json: JSON) throws(TokenizerError) -> Tokenizer?

  /// Tokens without the special ones.
  var vocabularySize: Int { get }
  /// Appends the text of a token of the vocabulary, which may be a part of a character.
  func append(_ token: Int, to text: inout [UInt8])
  func json(_ specialTokens: [Tokenizer.SpecialToken]) -> JSON
  func encoder() -> any TokenizerModelEncoder
}

/// Whether a configuration names a file of the vocabulary, and a description of that file.
package enum TokenizerFile {
  case none
  case optional(String)
  case required(String)
}

/// Turns text without special tokens into tokens; keeps its memory from text to text.
package protocol TokenizerModelEncoder {
  /// Whether any bytes are text; otherwise only UTF-8 is.
  var takesAnyBytes: Bool { get }
  mutating func append(_ text: Span<UInt8>, _ range: Range<Int>, to tokens: inout [Int32]) throws(TokenizerError)
}

extension TokenizerModelEncoder {
  package var takesAnyBytes: Bool { false }
}

/// Every kind of tokenizer; a new one is a file and a line here.
package enum TokenizerCatalog {
  package static let models: [any TokenizerModel.Type] = [
    ByteModel.self,
    CharacterVocabulary.self,
    BytePairModel.self,
  ]
}
