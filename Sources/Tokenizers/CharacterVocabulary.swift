import JSON

/// The characters of a corpus in ascending order, as nanoGPT's shakespeare_char: a token is a character's place among
/// them.
package struct CharacterVocabulary: TokenizerModel, TokenizerModelEncoder, Equatable {
  package static let kind = "characters"
  package static let documentation = "a token per character, in the order of Unicode, as nanoGPT's shakespeare_char"
  package static let file = TokenizerFile.optional(
    "a vocabulary of `troupe tokenizer train`; by default the characters of the whole corpus")

  package let scalars: [Unicode.Scalar]
  /// Tokens by scalar value, -1 for characters that are not among them.
  private let tokens: [Int32]

  /// - Parameter scalars: distinct and ascending, at least one.
  package init?(_ scalars: [Unicode.Scalar]) {
    guard let last = scalars.last, zip(scalars, scalars.dropFirst()).allSatisfy({ $0 < $1 }) else { return nil }
    self.scalars = scalars
    var tokens = [Int32](repeating: -1, count: Int(last.value) + 1)
    for (token, scalar) in scalars.enumerated() { tokens[Int(scalar.value)] = Int32(token) }
    self.tokens = tokens
  }

  package static func tokenizer(_ json: JSON) throws(TokenizerError) -> Tokenizer? {
    guard json["type"]?.string == kind else { return nil }
    try Tokenizer.refuseKeys(of: json, besides: ["type", "characters", "special_tokens"])
    guard let text = json["characters"]?.string, let vocabulary = CharacterVocabulary(Array(text.unicodeScalars)) else {
      throw TokenizerError(
        at: "characters", expected: "a text of at least one character, each once and in ascending order",
        found: json["characters"].map { TokenizerError.quoted($0.compactText) } ?? "none")
    }
    return try Tokenizer.characters(vocabulary).adding(specialTokens: Tokenizer.specialTokens(json))
  }

  package var vocabularySize: Int { scalars.count }

  package func append(_ token: Int, to text: inout [UInt8]) { text += String(scalars[token]).utf8 }

  package func json(_ specialTokens: [Tokenizer.SpecialToken]) -> JSON {
    var characters = String.UnicodeScalarView()
    characters.append(contentsOf: scalars)
    return Tokenizer.json(
      [("type", .string(Self.kind)), ("characters", .string(String(characters)))], specialTokens)
  }

  package func encoder() -> any TokenizerModelEncoder { self }

  package func append(_ text: Span<UInt8>, _ range: Range<Int>, to output: inout [Int32]) throws(TokenizerError) {
    var position = range.lowerBound
    while position < range.upperBound {
      let (value, length) = UTF8Text.scalar(text, at: position)
      let token = value < tokens.count ? tokens[Int(value)] : -1
      guard token >= 0 else {
        let name = Unicode.Scalar(value).map { TokenizerError.quoted(String($0)) } ?? ""
        throw TokenizerError(
          offset: position, expected: "one of the \(scalars.count) characters of the vocabulary",
          found: "\(name) (U+\(String(value, radix: 16, uppercase: true)))",
          advice: "remove it, or use the tokenizer \"bytes\" or \"byte_pair\"")
      }
      output.append(token)
      position += length
    }
  }
}

/// Gathers the characters of a corpus, text by text.
package struct CharacterCensus {
  private var isPresent = [Bool](repeating: false, count: 0x110000)

  package init() {}

  /// - Throws: where the text is not UTF-8.
  package mutating func add(_ text: [UInt8]) throws(TokenizerError) {
    let span = text.span
    try UTF8Text.check(span)
    var position = 0
    while position < span.count {
      let (value, length) = UTF8Text.scalar(span, at: position)
      isPresent[Int(value)] = true
      position += length
    }
  }

  /// Nil where no text had any character.
  package var vocabulary: CharacterVocabulary? {
    CharacterVocabulary(isPresent.indices.lazy.filter { isPresent[$0] }.compactMap { Unicode.Scalar(UInt32($0)) })
  }
}
