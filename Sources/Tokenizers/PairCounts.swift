/// The words of a corpus as tokens, and how often each pair of neighbors occurs in them.
struct PairCounts {
  private var words: [[Int32]] = []
  private var wordCounts: [Int] = []
  private var counts: [UInt64: Int] = [:]
  /// The words in which a pair has occurred; it may have been merged since.
  private var places: [UInt64: [Int32]] = [:]
  /// Counts may be outdated, never too low.
  private var heap = Heap<Entry>()

  /// The most frequent pair comes first, of equal ones the lowest.
  private struct Entry: Comparable {
    let count: Int
    let pair: UInt64

    static func < (a: Entry, b: Entry) -> Bool { a.count != b.count ? a.count > b.count : a.pair < b.pair }
  }

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
    for (pair, count) in counts { heap.push(Entry(count: count, pair: pair)) }
  }

  private mutating func note(_ pair: UInt64, _ count: Int, in word: Int32) {
    counts[pair, default: 0] += count
    if places[pair]?.last != word { places[pair, default: []].append(word) }
  }

  /// The pair that is merged next; nil where none occurs often enough.
  mutating func mostFrequent(atLeast least: Int) -> (left: Int32, right: Int32)? {
    while let entry = heap.popFirst() {
      let pair = entry.pair
      let current = counts[pair] ?? 0
      if current != entry.count {
        if current > 0 { heap.push(Entry(count: current, pair: pair)) }
        continue
      }
      guard current >= least else { return nil }
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
    for pair in raised { heap.push(Entry(count: counts[pair] ?? 0, pair: pair)) }
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
}
