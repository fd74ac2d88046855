import JSON

/// A token per byte; any bytes are text.
package struct ByteModel: TokenizerModel, TokenizerModelEncoder {
  package static let kind = "bytes"
  package static let documentation = "a token per byte: 256 of them, and any file is text"
  package static let file = TokenizerFile.none

  package var vocabularySize: Int { 256 }
  package var takesAnyBytes: Bool { true }

  package static func tokenizer(_ json: JSON) throws(TokenizerError) -> Tokenizer? {
    guard json["type"]?.string == kind else { return nil }
    try Tokenizer.refuseKeys(of: json, besides: ["type", "special_tokens"])
    return try Tokenizer.bytes.adding(specialTokens: Tokenizer.specialTokens(json))
  }

  package func append(_ token: Int, to text: inout [UInt8]) { text.append(UInt8(truncatingIfNeeded: token)) }

  package func json(_ specialTokens: [Tokenizer.SpecialToken]) -> JSON {
    Tokenizer.json([("type", .string(Self.kind))], specialTokens)
  }

  package func encoder() -> any TokenizerModelEncoder { self }

  package func append(_ text: Span<UInt8>, _ range: Range<Int>, to tokens: inout [Int32]) throws(TokenizerError) {
    for index in range { tokens.append(Int32(text[index])) }
  }
}
