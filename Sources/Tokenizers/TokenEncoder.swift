/// Turns texts into tokens; keeps what it learns of their words from text to text.
package struct TokenEncoder {
  private let tokenizer: Tokenizer
  private var words: (merger: WordMerger, cache: WordCache)?
  /// The texts of special tokens, longest first; empty where they are read as ordinary text.
  private let special: [(text: [UInt8], token: Int32)]
  private let startsSpecial: [Bool]

  /// - Parameter readsSpecialTokens: whether the text of a special token becomes that token.
  package init(_ tokenizer: Tokenizer, readsSpecialTokens: Bool = true) {
    self.tokenizer = tokenizer
    if case .bytePair(let model) = tokenizer.model { words = (WordMerger(model), WordCache()) }
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
    if case .bytes = tokenizer.model {} else { try UTF8Text.check(span) }
    var start = 0
    if !special.isEmpty {
      var position = 0
      while position < span.count {
        guard startsSpecial[Int(span[position])], let (length, token) = specialToken(span, at: position) else {
          position += 1
          continue
        }
        try append(span, start..<position, to: &tokens)
        tokens.append(token)
        position += length
        start = position
      }
    }
    try append(span, start..<span.count, to: &tokens)
  }

  private func specialToken(_ text: Span<UInt8>, at position: Int) -> (length: Int, token: Int32)? {
    for (special, token) in special where special.count <= text.count - position {
      if special.indices.allSatisfy({ special[$0] == text[position + $0] }) { return (special.count, token) }
    }
    return nil
  }

  /// Text without special tokens.
  private mutating func append(
    _ text: Span<UInt8>, _ range: Range<Int>, to tokens: inout [Int32]
  ) throws(TokenizerError) {
    switch tokenizer.model {
    case .bytes: for index in range { tokens.append(Int32(text[index])) }
    case .characters(let vocabulary): try vocabulary.append(text, range, to: &tokens)
    case .bytePair:
      guard var (merger, cache) = words.take() else { preconditionFailure("byte pairs are merged by a merger") }
      WordScanner.forEachWord(text, in: range) { word in
        let (isKnown, place) = cache.append(text, word, to: &tokens)
        guard !isKnown else { return }
        let first = tokens.count
        merger.append(text, word, to: &tokens)
        if let place { cache.keep(text, word, at: place, tokens[first...]) }
      }
      words = (merger, cache)
    }
  }
}
