import Files

/// A map between text and tokens, whole numbers 0 ..< `vocabularySize`.
package struct Tokenizer: Sendable {
  /// A token that is no part of an ordinary text.
  package struct SpecialToken: Sendable, Equatable {
    package let text: String
    package let token: Int32
    /// Whether it is looked for only between the tokens that are not, as Hugging Face's library does.
    package let isNormalized: Bool

    package init(text: String, token: Int32, isNormalized: Bool = false) {
      self.text = text
      self.token = token
      self.isNormalized = isNormalized
    }

    /// Whether a text can hold this token where it holds `other`, and this one would be found first: `other` lies in
    /// this one, or begins in it.
    fileprivate func hides(_ other: SpecialToken) -> Bool {
      let (mine, theirs) = (Array(text.utf8), Array(other.text.utf8))
      return mine.indices.contains { start in
        zip(mine[start...], theirs).allSatisfy(==) && (start > 0 || theirs.count <= mine.count)
      }
    }
  }

  /// Between documents, as GPT-2 has it.
  package static let endOfText = "<|endoftext|>"
  /// Around the answer to a source sequence, and behind short ones.
  package static let beginOfAnswer = "<|begin|>"
  package static let endOfAnswer = "<|end|>"
  package static let padding = "<|pad|>"
  /// More tokens than any vocabulary has.
  package static let mostTokens = 1 << 20

  package let model: any TokenizerModel
  /// By token.
  package let specialTokens: [SpecialToken]
  package let vocabularySize: Int

  /// - Parameter specialTokens: within the model's vocabulary or right behind it.
  init(model: any TokenizerModel, specialTokens: [SpecialToken]) {
    self.model = model
    // Where the order makes no difference it is not kept, so that the digest is that of older versions.
    let last = specialTokens.filter(\.isNormalized)
    let isOrdered = last.contains { token in specialTokens.contains { !$0.isNormalized && token.hides($0) } }
    self.specialTokens =
      specialTokens
      .map { SpecialToken(text: $0.text, token: $0.token, isNormalized: isOrdered && $0.isNormalized) }
      .sorted { $0.token < $1.token }
    let ordinary = model.vocabularySize
    vocabularySize = ordinary + specialTokens.count { $0.token >= ordinary }
  }

  package static let bytes = Tokenizer(model: ByteModel(), specialTokens: [])

  package static func characters(_ vocabulary: CharacterVocabulary) -> Tokenizer {
    Tokenizer(model: vocabulary, specialTokens: [])
  }

  /// This tokenizer with more special tokens behind its vocabulary; existing ones stay where they are.
  package func adding(specialTokens texts: [String]) -> Tokenizer {
    var all = specialTokens
    for text in texts where token(special: text) == nil {
      all.append(SpecialToken(text: text, token: Int32(vocabularySize + all.count - specialTokens.count)))
    }
    return Tokenizer(model: model, specialTokens: all)
  }

  /// The special token with this text.
  package func token(special text: String) -> Int32? {
    specialTokens.first { $0.text.utf8.elementsEqual(text.utf8) }?.token
  }

  /// "bytes", "characters" or "byte_pair".
  package var kind: String { type(of: model).kind }

  /// In a few words: "byte_pair, 1024 tokens, digest 0123abcd".
  package var summary: String { "\(kind), \(vocabularySize) tokens, digest \(digest)" }

  /// CRC32C of everything that decides the tokens of a text, as hexadecimal text.
  package var digest: String {
    let digits = String(CRC32C.checksum(Array(text.utf8).span.bytes), radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }
}

// Encoding and decoding of whole texts.
extension Tokenizer {
  /// The tokens of `text`; many texts are encoded faster with one `TokenEncoder`.
  ///
  /// - Parameter readsSpecialTokens: whether the text of a special token becomes that token.
  package func encode(_ text: [UInt8], readsSpecialTokens: Bool = true) throws(TokenizerError) -> [Int32] {
    var encoder = TokenEncoder(self, readsSpecialTokens: readsSpecialTokens)
    var tokens: [Int32] = []
    try encoder.append(text, to: &tokens)
    return tokens
  }

  package func encode(_ text: String, readsSpecialTokens: Bool = true) throws(TokenizerError) -> [Int32] {
    try encode(Array(text.utf8), readsSpecialTokens: readsSpecialTokens)
  }

  /// The text of `tokens`, which need not be UTF-8 where a token is a part of a character.
  package func decode(_ tokens: some Sequence<Int32>) throws(TokenizerError) -> [UInt8] {
    var text: [UInt8] = []
    for (position, token) in tokens.enumerated() {
      guard append(token, to: &text) else {
        throw TokenizerError(
          at: "token \(position)", expected: "0 to \(vocabularySize - 1)", found: "\(token)",
          advice: "the tokens belong to another tokenizer")
      }
    }
    return text
  }

  /// Appends a token's text; false where it is outside the vocabulary.
  func append(_ token: Int32, to text: inout [UInt8]) -> Bool {
    guard token >= 0, token < vocabularySize else { return false }
    if let special = specialTokens.first(where: { $0.token == token }) {
      text += special.text.utf8
      return true
    }
    model.append(Int(token), to: &text)
    return true
  }

  /// A token as a label: a space shows as ␣, control characters and parts of characters as escapes.
  package func label(of token: Int32) -> String {
    var bytes: [UInt8] = []
    guard append(token, to: &bytes) else { return "?\(token)" }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      return bytes.map { "\\x" + ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
    return text.unicodeScalars.map { scalar in
      switch scalar {
      case " ": "␣"
      case "\n": "\\n"
      case "\t": "\\t"
      case "\r": "\\r"
      default:
        scalar.properties.generalCategory == .control
          ? "\\u{" + String(scalar.value, radix: 16) + "}" : String(scalar)
      }
    }.joined()
  }
}
