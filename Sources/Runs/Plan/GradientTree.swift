import Kernels
import Tensors

/// The fixed pairwise tree in which the gradients of a batch's micro-batches are summed.
///
/// Leaf m is micro-batch m; the node of size 2s that starts at a multiple of 2s is the sum of its two halves, without a
/// half that lies beyond the last micro-batch. The tree depends on the number of micro-batches alone, so neither the
/// number of lanes nor their speed changes a bit. Each lane computes consecutive leaves and joins complete subtrees of
/// its own; the remaining nodes are joined, chunk by chunk, when the lanes meet.
package struct GradientTree: Sendable {
  /// A complete subtree, in one of a lane's buffers.
  package struct Node: Sendable, Equatable {
    package let start: Int
    package let size: Int
  }

  /// Adds the buffer `source` to the buffer `destination`; buffers are numbered lane by lane.
  package struct Merge: Sendable, Equatable {
    package let destination: Int
    package let source: Int
  }

  /// One micro-batch of a lane: its buffer, and the number of joins after it (a join adds the topmost buffer to the one
  /// below).
  package struct Turn: Sendable, Equatable {
    package let buffer: Int
    package let joins: Int
  }

  package let microBatches: Int
  package let lanes: Int

  package init(microBatches: Int, lanes: Int) {
    precondition(microBatches > 0 && lanes > 0)
    self.microBatches = microBatches
    self.lanes = lanes
  }

  /// The micro-batches of a lane.
  package func range(of lane: Int) -> Range<Int> {
    lane * microBatches / lanes..<(lane + 1) * microBatches / lanes
  }

  /// The turns of a lane, and the nodes that remain after them, in its buffers from the first on.
  private func schedule(of lane: Int) -> (turns: [Turn], remainder: [Node]) {
    var stack: [Node] = []
    let turns = range(of: lane).map { leaf in
      let buffer = stack.count
      stack.append(Node(start: leaf, size: 1))
      var joins = 0
      while stack.count >= 2, let joined = Self.parent(of: stack[stack.count - 2], stack[stack.count - 1]) {
        stack.removeLast(2)
        stack.append(joined)
        joins += 1
      }
      return Turn(buffer: buffer, joins: joins)
    }
    return (turns, stack)
  }

  private static func parent(of left: Node, _ right: Node) -> Node? {
    let areSiblings =
      left.size == right.size && left.start + left.size == right.start && left.start % (2 * left.size) == 0
    return areSiblings ? Node(start: left.start, size: 2 * left.size) : nil
  }

  package func turns(of lane: Int) -> [Turn] { schedule(of: lane).turns }

  /// Gradient buffers that a lane needs at once.
  package func bufferCount(of lane: Int) -> Int { turns(of: lane).map { $0.buffer + 1 }.max() ?? 0 }

  /// Gradient buffers of all lanes.
  package var bufferCount: Int { (0..<lanes).reduce(0) { $0 + bufferCount(of: $1) } }

  /// The joins of the lanes' remaining nodes, in order; the sum ends up in the buffer of micro-batch 0.
  package func merges() -> [Merge] {
    var parts: [(node: Node, buffer: Int)] = []
    var firstBuffer = 0
    for lane in 0..<lanes {
      for (index, node) in schedule(of: lane).remainder.enumerated() { parts.append((node, firstBuffer + index)) }
      firstBuffer += bufferCount(of: lane)
    }
    var merges: [Merge] = []
    var size = 1
    while size < microBatches { size *= 2 }
    _ = Self.sum(Node(start: 0, size: size), microBatches, parts, &merges)
    return merges
  }

  /// The buffer that holds the sum of `node` after the joins appended to `merges`; nil if it lies beyond the last leaf.
  private static func sum(
    _ node: Node, _ count: Int, _ parts: [(node: Node, buffer: Int)], _ merges: inout [Merge]
  ) -> Int? {
    guard node.start < count else { return nil }
    if let part = parts.first(where: { $0.node == node }) { return part.buffer }
    precondition(node.size > 1, "micro-batch \(node.start) belongs to no lane")
    let half = node.size / 2
    guard let left = sum(Node(start: node.start, size: half), count, parts, &merges) else { return nil }
    if let right = sum(Node(start: node.start + half, size: half), count, parts, &merges) {
      merges.append(Merge(destination: left, source: right))
    }
    return left
  }
}
