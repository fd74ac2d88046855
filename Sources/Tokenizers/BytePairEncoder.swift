/// Merges the words of a text, and keeps the tokens of frequent ones.
struct BytePairEncoder: TokenizerModelEncoder {
  private var merger: WordMerger
  private var cache = WordCache()

  init(_ model: BytePairModel) { merger = WordMerger(model) }

  mutating func append(_ text: Span<UInt8>, _ range: Range<Int>, to tokens: inout [Int32]) throws(TokenizerError) {
    WordScanner.forEachWord(text, in: range) { word in
      let (isKnown, place) = cache.append(text, word, to: &tokens)
      guard !isKnown else { return }
      let first = tokens.count
      merger.append(text, word, to: &tokens)
      if let place { cache.keep(text, word, at: place, tokens[first...]) }
    }
  }
}
