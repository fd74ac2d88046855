/// Learns byte pairs from texts: the most frequent pair of neighbors within words becomes a token, again and again.
///
/// Pair counts follow each merge, in the words that hold the pair alone. Among pairs of equal count the one of the
/// lower tokens is merged first, so the result is a function of the texts, as it is in Hugging Face's trainer.
package struct BytePairTrainer {
  /// Pairs of fewer occurrences are not merged.
  package static let leastCount = 2

  private var wordCounts: [[UInt8]: Int] = [:]

  package init() {}

  /// Counts the words of a text.
  ///
  /// - Throws: where it is not UTF-8.
  package mutating func add(_ text: [UInt8]) throws(TokenizerError) {
    let span = text.span
    try UTF8Text.check(span)
    WordScanner.forEachWord(span, in: 0..<span.count) { range in
      wordCounts[Array(text[range]), default: 0] += 1
    }
  }

  /// - Parameters:
  ///   - vocabularySize: tokens wanted, with the 256 bytes and the special ones; there are fewer where pairs run out.
  ///   - specialTokens: distinct and not empty; they take the last tokens.
  package func train(vocabularySize: Int, specialTokens: [String]) -> Tokenizer {
    var counts = PairCounts(wordCounts)
    let ordinary = vocabularySize - specialTokens.count
    var pieces = ByteAlphabet.ordered.map { [$0] }
    var tokens = Dictionary(uniqueKeysWithValues: pieces.enumerated().map { ($0.element, Int32($0.offset)) })
    var pairs: [(left: Int32, right: Int32)] = []
    var merged: [Int32] = []
    while pieces.count < ordinary, let pair = counts.mostFrequent(atLeast: Self.leastCount) {
      let piece = pieces[Int(pair.left)] + pieces[Int(pair.right)]
      // Two pairs may spell the same piece, which is one token.
      let token = tokens[piece] ?? Int32(pieces.count)
      if Int(token) == pieces.count {
        pieces.append(piece)
        tokens[piece] = token
      }
      counts.merge(pair, into: token)
      pairs.append(pair)
      merged.append(token)
    }
    let byteTokens = (0..<256).map { tokens[[UInt8($0)]] ?? 0 }
    let model = BytePairModel(pieces: pieces, byteTokens: byteTokens, pairs: pairs, merged: merged)
    return Tokenizer(model: model, specialTokens: []).adding(specialTokens: specialTokens)
  }
}
