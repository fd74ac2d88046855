/// The bytes that are taken at each moment, as a segment tree over time: placing a tensor need not look at all others.
///
/// A node stands for a span of moments, its two children for the halves; node 1 is the root.
struct MemoryTimeline {
  private let leafCount: Int
  /// The bytes of tensors that live throughout a node's span, but not throughout its parent's.
  private var throughout: [RangeSet<Int>]
  /// The bytes of tensors that live during some moments of a node's span, but not throughout its parent's.
  private var sometimes: [RangeSet<Int>]

  init(momentCount: Int) {
    var leafCount = 1
    while leafCount < momentCount { leafCount *= 2 }
    self.leafCount = leafCount
    throughout = Array(repeating: RangeSet(), count: 2 * leafCount)
    sometimes = throughout
  }

  /// The lowest offset at which `byteCount` bytes are free during all of `lifetimes`.
  func lowestOffset(of byteCount: Int, during lifetimes: [ClosedRange<Int>]) -> Int {
    var taken: [RangeSet<Int>] = []
    for lifetime in lifetimes {
      taken += ends(of: lifetime).map { throughout[$0] }
      taken += parts(of: lifetime).map { sometimes[$0] }
    }
    taken.removeAll(where: \.isEmpty)
    var offset = 0
    var isFree = false
    while !isFree {
      isFree = true
      for ranges in taken {
        guard let end = ranges.end(meeting: offset..<offset + byteCount) else { continue }
        offset = end
        isFree = false
      }
    }
    return offset
  }

  mutating func take(_ bytes: Range<Int>, during lifetimes: [ClosedRange<Int>]) {
    for lifetime in lifetimes {
      for node in ends(of: lifetime) { sometimes[node].insert(contentsOf: bytes) }
      for node in parts(of: lifetime) {
        throughout[node].insert(contentsOf: bytes)
        sometimes[node].insert(contentsOf: bytes)
      }
    }
  }

  /// The fewest nodes whose spans make up `lifetime`.
  private func parts(of lifetime: ClosedRange<Int>) -> [Int] {
    var nodes: [Int] = []
    var (low, high) = (lifetime.lowerBound + leafCount, lifetime.upperBound + leafCount + 1)
    while low < high {
      if low % 2 == 1 {
        nodes.append(low)
        low += 1
      }
      if high % 2 == 1 {
        high -= 1
        nodes.append(high)
      }
      (low, high) = (low / 2, high / 2)
    }
    return nodes
  }

  /// The nodes whose spans have the first or the last moment of `lifetime`; all nodes above its parts are among them.
  private func ends(of lifetime: ClosedRange<Int>) -> [Int] {
    var nodes: [Int] = []
    var (low, high) = (lifetime.lowerBound + leafCount, lifetime.upperBound + leafCount)
    while low > 0 {
      nodes.append(low)
      if high != low { nodes.append(high) }
      (low, high) = (low / 2, high / 2)
    }
    return nodes
  }
}

extension RangeSet<Int> {
  /// The end of the first range that meets `other`; nil where none does.
  fileprivate func end(meeting other: Range<Int>) -> Int? {
    let ranges = ranges
    var (low, high) = (0, ranges.count)
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].upperBound > other.lowerBound { high = middle } else { low = middle + 1 }
    }
    return low < ranges.count && ranges[low].lowerBound < other.upperBound ? ranges[low].upperBound : nil
  }
}
