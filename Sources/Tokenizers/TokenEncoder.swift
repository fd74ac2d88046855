/// Turns texts into tokens; keeps its memory from text to text.
package struct TokenEncoder {
  private var model: any TokenizerModelEncoder
  /// The texts of special tokens, longest first; none where they are ordinary text.
  private let special: [(text: [UInt8], token: Int32)]
  private let startsSpecial: [Bool]

  /// - Parameter readsSpecialTokens: whether the text of a special token becomes that token.
  package init(_ tokenizer: Tokenizer, readsSpecialTokens: Bool = true) {
    model = tokenizer.model.encoder()
    special =
      readsSpecialTokens
      ? tokenizer.specialTokens.map { (Array($0.text.utf8), $0.token) }.sorted { $0.0.count > $1.0.count } : []
    var starts = [Bool](repeating: false, count: 256)
    for (text, _) in special { starts[Int(text[0])] = true }
    startsSpecial = starts
  }

  /// Appends the tokens of `text`.
  ///
  /// - Throws: where it is not UTF-8, unless the tokenizer takes any bytes, and where a character is unknown.
  package mutating func append(_ text: [UInt8], to tokens: inout [Int32]) throws(TokenizerError) {
    let span = text.span
    if !model.takesAnyBytes { try UTF8Text.check(span) }
    var start = 0
    if !special.isEmpty {
      var position = 0
      while position < span.count {
        guard startsSpecial[Int(span[position])], let (length, token) = specialToken(span, at: position) else {
          position += 1
          continue
        }
        try model.append(span, start..<position, to: &tokens)
        tokens.append(token)
        position += length
        start = position
      }
    }
    try model.append(span, start..<span.count, to: &tokens)
  }

  private func specialToken(_ text: Span<UInt8>, at position: Int) -> (length: Int, token: Int32)? {
    for (special, token) in special where special.count <= text.count - position {
      if special.indices.allSatisfy({ special[$0] == text[position + $0] }) { return (special.count, token) }
    }
    return nil
  }
}
