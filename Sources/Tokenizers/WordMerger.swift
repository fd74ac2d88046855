/// Merges the tokens of one word; keeps its memory from word to word.
///
/// A list of neighbors and a heap of the pairs among them, so that a word of n bytes costs n·log n.
struct WordMerger {
  private let model: BytePairModel
  private var tokens: [Int32] = []
  private var next: [Int32] = []
  private var previous: [Int32] = []
  /// Rank in the upper half and position in the lower: the least is merged first.
  private var heap = Heap<UInt64>()

  /// A longer word, which no text has, is merged in parts, so that positions fit 32 bits.
  private static let longestWord = 1 << 24

  init(_ model: BytePairModel) { self.model = model }

  /// Appends the tokens of the word at `range`.
  mutating func append(_ text: Span<UInt8>, _ range: Range<Int>, to output: inout [Int32]) {
    if range.count == 1 {
      output.append(model.byteTokens[Int(text[range.lowerBound])])
      return
    }
    if range.count > Self.longestWord {
      let middle = range.lowerBound + Self.longestWord
      append(text, range.lowerBound..<middle, to: &output)
      append(text, middle..<range.upperBound, to: &output)
      return
    }
    load(text, range)
    while let first = heap.popFirst() {
      let position = Int(first & 0xFFFF_FFFF)
      // The pair there may have been merged since.
      guard next[position] >= 0, tokens[position] >= 0, let merge = merge(at: position),
        merge.rank == Int32(truncatingIfNeeded: first >> 32)
      else { continue }
      join(position, into: merge.token)
    }
    for token in tokens where token >= 0 { output.append(token) }
  }

  private mutating func load(_ text: Span<UInt8>, _ range: Range<Int>) {
    let count = range.count
    tokens.removeAll(keepingCapacity: true)
    next.removeAll(keepingCapacity: true)
    previous.removeAll(keepingCapacity: true)
    heap.removeAll()
    for index in 0..<count {
      tokens.append(model.byteTokens[Int(text[range.lowerBound + index])])
      next.append(index + 1 < count ? Int32(index + 1) : -1)
      previous.append(Int32(index - 1))
    }
    for index in 0..<count - 1 { push(index) }
  }

  private func merge(at position: Int) -> BytePairModel.Merge? {
    model.merge(tokens[position], tokens[Int(next[position])])
  }

  /// Puts `token` in the place of the pair at `position`.
  private mutating func join(_ position: Int, into token: Int32) {
    let right = Int(next[position])
    tokens[position] = token
    tokens[right] = -1
    let after = next[right]
    next[position] = after
    next[right] = -1
    if after >= 0 {
      previous[Int(after)] = Int32(position)
      push(position)
    }
    if previous[position] >= 0 { push(Int(previous[position])) }
  }

  private mutating func push(_ position: Int) {
    guard let merge = merge(at: position) else { return }
    heap.push(UInt64(UInt32(bitPattern: merge.rank)) << 32 | UInt64(position))
  }
}
