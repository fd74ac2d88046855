/// The words of a corpus as tokens, and how often each pair of neighbors occurs in them.
struct PairCounts {
  private var words: [[Int32]] = []
  private var wordCounts: [Int] = []
  private var counts: [UInt64: Int] = [:]
  /// The words that a pair has been seen in; it may be gone from them since.
  private var places: [UInt64: [Int32]] = [:]
  /// A heap: most frequent first, then lowest. Counts may be outdated, never too low.
  private var heap: [(count: Int, pair: UInt64)] = []

  init(_ wordCounts: [[UInt8]: Int]) {
    var byteTokens = [Int32](repeating: 0, count: 256)
    for (token, byte) in ByteAlphabet.ordered.enumerated() { byteTokens[Int(byte)] = Int32(token) }
    for (word, count) in wordCounts where word.count > 1 {
      let index = Int32(words.count)
      words.append(word.map { byteTokens[Int($0)] })
      self.wordCounts.append(count)
      for (left, right) in zip(words[Int(index)], words[Int(index)].dropFirst()) {
        note(BytePairModel.key(left, right), count, in: index)
      }
    }
    for (pair, count) in counts { push(count, pair) }
  }

  private mutating func note(_ pair: UInt64, _ count: Int, in word: Int32) {
    counts[pair, default: 0] += count
    if places[pair]?.last != word { places[pair, default: []].append(word) }
  }

  /// The pair that is merged next; nil where none occurs often enough.
  mutating func mostFrequent(atLeast least: Int) -> (left: Int32, right: Int32)? {
    while let (count, pair) = popFirst() {
      let current = counts[pair] ?? 0
      if current != count {
        if current > 0 { push(current, pair) }
        continue
      }
      guard count >= least else { return nil }
      return (
        Int32(bitPattern: UInt32(truncatingIfNeeded: pair >> 32)), Int32(bitPattern: UInt32(truncatingIfNeeded: pair))
      )
    }
    return nil
  }

  /// Puts `token` in place of the pair, from left to right in every word.
  mutating func merge(_ pair: (left: Int32, right: Int32), into token: Int32) {
    let key = BytePairModel.key(pair.left, pair.right)
    let holders = places.removeValue(forKey: key) ?? []
    var raised: Set<UInt64> = []
    for word in Set(holders).sorted() { merge(pair, into: token, in: word, &raised) }
    counts[key] = nil
    raised.remove(key)
    for pair in raised { push(counts[pair] ?? 0, pair) }
  }

  private mutating func merge(
    _ pair: (left: Int32, right: Int32), into token: Int32, in word: Int32, _ raised: inout Set<UInt64>
  ) {
    let old = words[Int(word)]
    let count = wordCounts[Int(word)]
    var new: [Int32] = []
    new.reserveCapacity(old.count)
    var position = 0
    while position < old.count {
      guard position + 1 < old.count, old[position] == pair.left, old[position + 1] == pair.right else {
        new.append(old[position])
        position += 1
        continue
      }
      if let before = new.last {
        counts[BytePairModel.key(before, pair.left), default: 0] -= count
        raised.insert(BytePairModel.key(before, token))
        note(BytePairModel.key(before, token), count, in: word)
      }
      if position + 2 < old.count {
        let after = old[position + 2]
        counts[BytePairModel.key(pair.right, after), default: 0] -= count
        raised.insert(BytePairModel.key(token, after))
        note(BytePairModel.key(token, after), count, in: word)
      }
      new.append(token)
      position += 2
    }
    words[Int(word)] = new
  }

  private static func comes(_ a: (count: Int, pair: UInt64), before b: (count: Int, pair: UInt64)) -> Bool {
    a.count != b.count ? a.count > b.count : a.pair < b.pair
  }

  private mutating func push(_ count: Int, _ pair: UInt64) {
    var child = heap.count
    heap.append((count, pair))
    while child > 0 {
      let parent = (child - 1) / 2
      guard Self.comes(heap[child], before: heap[parent]) else { break }
      heap.swapAt(child, parent)
      child = parent
    }
  }

  private mutating func popFirst() -> (count: Int, pair: UInt64)? {
    guard let first = heap.first else { return nil }
    let last = heap.removeLast()
    guard !heap.isEmpty else { return first }
    heap[0] = last
    var parent = 0
    while true {
      var child = 2 * parent + 1
      guard child < heap.count else { break }
      if child + 1 < heap.count, Self.comes(heap[child + 1], before: heap[child]) { child += 1 }
      guard Self.comes(heap[child], before: heap[parent]) else { break }
      heap.swapAt(child, parent)
      parent = child
    }
    return first
  }
}
