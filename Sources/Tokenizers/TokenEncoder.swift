/// Turns texts into tokens; keeps its memory from text to text.
package struct TokenEncoder {
  private var model: any TokenizerModelEncoder
  /// Special tokens, and those that are looked for between them; none where they are ordinary text.
  private let passes: [SpecialTokenSearch]

  /// - Parameter readsSpecialTokens: whether the text of a special token becomes that token.
  package init(_ tokenizer: Tokenizer, readsSpecialTokens: Bool = true) {
    model = tokenizer.model.encoder()
    let tokens = readsSpecialTokens ? tokenizer.specialTokens : []
    passes = [tokens.filter { !$0.isNormalized }, tokens.filter(\.isNormalized)].filter { !$0.isEmpty }
      .map(SpecialTokenSearch.init)
  }

  /// Appends the tokens of `text`.
  ///
  /// - Throws: where it is not UTF-8, unless the tokenizer takes any bytes, and where a character is unknown.
  package mutating func append(_ text: [UInt8], to tokens: inout [Int32]) throws(TokenizerError) {
    let span = text.span
    if !model.takesAnyBytes { try UTF8Text.check(span) }
    try append(span, 0..<span.count, pass: 0, to: &tokens)
  }

  private mutating func append(
    _ text: Span<UInt8>, _ range: Range<Int>, pass: Int, to tokens: inout [Int32]
  ) throws(TokenizerError) {
    guard pass < passes.count else { return try model.append(text, range, to: &tokens) }
    var start = range.lowerBound
    var position = start
    while position < range.upperBound {
      guard let (length, token) = passes[pass].token(in: text, position..<range.upperBound) else {
        position += 1
        continue
      }
      try append(text, start..<position, pass: pass + 1, to: &tokens)
      tokens.append(token)
      position += length
      start = position
    }
    try append(text, start..<range.upperBound, pass: pass + 1, to: &tokens)
  }
}

/// The texts of some special tokens.
private struct SpecialTokenSearch {
  /// Longest first.
  private let special: [(text: [UInt8], token: Int32)]
  private let starts: [Bool]

  init(_ tokens: [Tokenizer.SpecialToken]) {
    special = tokens.map { (Array($0.text.utf8), $0.token) }.sorted { $0.0.count > $1.0.count }
    var starts = [Bool](repeating: false, count: 256)
    for (text, _) in special { starts[Int(text[0])] = true }
    self.starts = starts
  }

  /// The longest token that `text` has at the beginning of `range`.
  @inline(__always)
  func token(in text: Span<UInt8>, _ range: Range<Int>) -> (length: Int, token: Int32)? {
    let first = range.lowerBound
    guard starts[Int(text[first])] else { return nil }
    for (special, token) in special where special.count <= range.count {
      if special.indices.allSatisfy({ special[$0] == text[first + $0] }) { return (special.count, token) }
    }
    return nil
  }
}
