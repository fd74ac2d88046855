import Runs
import Testing

@Suite struct GradientTreeTests {
  /// Sums as texts, such as `((0+1)+2)`, which show their shape.
  private func reference(_ start: Int, _ size: Int, _ count: Int) -> String? {
    guard start < count else { return nil }
    if size == 1 { return "\(start)" }
    guard let left = reference(start, size / 2, count) else { return nil }
    guard let right = reference(start + size / 2, size / 2, count) else { return left }
    return "(\(left)+\(right))"
  }

  /// Runs a tree on texts in place of gradients.
  private func sum(_ tree: GradientTree) throws -> String? {
    var buffers: [String?] = []
    for lane in 0..<tree.lanes {
      var own = [String?](repeating: nil, count: tree.bufferCount(of: lane))
      for (leaf, turn) in zip(tree.range(of: lane), tree.turns(of: lane)) {
        own[turn.buffer] = "\(leaf)"
        for join in 0..<turn.joins {
          let top = turn.buffer - join
          own[top - 1] = "(\(try #require(own[top - 1]))+\(try #require(own[top])))"
          own[top] = nil
        }
      }
      buffers += own
    }
    #expect(buffers.count == tree.bufferCount)
    for merge in tree.merges() {
      let sum = "(\(try #require(buffers[merge.destination]))+\(try #require(buffers[merge.source])))"
      buffers[merge.destination] = sum
      buffers[merge.source] = nil
    }
    #expect(buffers.compactMap(\.self).count == 1)
    return buffers[0]
  }

  @Test func everyLeafIsAddedOnceInTheSameShape() throws {
    for microBatches in 1...17 {
      var size = 1
      while size < microBatches { size *= 2 }
      for lanes in 1...6 {
        let tree = GradientTree(microBatches: microBatches, lanes: lanes)
        #expect((0..<lanes).flatMap { Array(tree.range(of: $0)) } == Array(0..<microBatches))
        let text = try sum(tree)
        #expect(text == reference(0, size, microBatches), "\(microBatches) micro-batches, \(lanes) lanes")
      }
    }
  }

  @Test func aLaneNeedsFewBuffers() {
    // A run of n leaves leaves at most two unfinished parts of each size behind.
    for microBatches in 1...64 {
      for lanes in 1...6 {
        let tree = GradientTree(microBatches: microBatches, lanes: lanes)
        for lane in 0..<lanes {
          let leaves = tree.range(of: lane).count
          let bits = Int.bitWidth - leaves.leadingZeroBitCount
          #expect(tree.bufferCount(of: lane) <= 2 * bits)
        }
      }
    }
  }
}
