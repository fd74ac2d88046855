/// The tokens of earlier words: most of a text is the same words again.
struct WordCache {
  private struct Entry {
    var hash: UInt32 = 0
    var length: UInt32 = 0
    var word: UInt32 = 0
    var tokenCount: UInt32 = 0
    var token: UInt32 = 0
  }

  private static let slots = 1 << 17
  private static let mostWords = 1 << 16
  /// Longer words hardly come again.
  private static let longestWord = 64
  /// Places for a word; where all are taken it is not kept.
  private static let mostProbes = 16

  private var entries = [Entry](repeating: Entry(), count: slots)
  private var count = 0
  private var words: [UInt8] = []
  private var tokens: [Int32] = []

  /// Appends the word's tokens, if they are known.
  ///
  /// - Returns: true, or the place where they may be kept by `keep`, if there is any.
  mutating func append(
    _ text: Span<UInt8>, _ range: Range<Int>, to output: inout [Int32]
  ) -> (isKnown: Bool, place: Int?) {
    guard range.count <= Self.longestWord else { return (false, nil) }
    let hash = Self.hash(text, range)
    for probe in 0..<Self.mostProbes {
      let place = (Int(hash) + probe) & (Self.slots - 1)
      let entry = entries[place]
      if entry.length == 0 {
        entries[place].hash = hash
        return (false, place)
      }
      guard entry.hash == hash, Int(entry.length) == range.count, isSame(entry, text, range) else { continue }
      for index in Int(entry.token)..<Int(entry.token + entry.tokenCount) { output.append(tokens[index]) }
      return (true, nil)
    }
    return (false, nil)
  }

  /// Keeps the tokens of the word for which `append` gave `place`.
  mutating func keep(_ text: Span<UInt8>, _ range: Range<Int>, at place: Int, _ wordTokens: ArraySlice<Int32>) {
    guard count < Self.mostWords else { return }
    count += 1
    entries[place].length = UInt32(range.count)
    entries[place].word = UInt32(words.count)
    entries[place].token = UInt32(tokens.count)
    entries[place].tokenCount = UInt32(wordTokens.count)
    for index in range { words.append(text[index]) }
    tokens += wordTokens
  }

  private func isSame(_ entry: Entry, _ text: Span<UInt8>, _ range: Range<Int>) -> Bool {
    for index in 0..<range.count where words[Int(entry.word) + index] != text[range.lowerBound + index] {
      return false
    }
    return true
  }

  /// FNV-1a.
  private static func hash(_ text: Span<UInt8>, _ range: Range<Int>) -> UInt32 {
    var hash: UInt32 = 0x811C_9DC5
    for index in range { hash = (hash ^ UInt32(text[index])) &* 0x0100_0193 }
    return hash
  }
}
