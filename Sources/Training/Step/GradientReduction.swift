import Kernels
import Models
import Runs
import Tensors

/// Part of one tensor: the unit in which gradients are summed and parameters updated.
struct ParameterChunk: Sendable {
  /// Number of the tensor in the parameter table.
  let tensor: Int
  /// Bytes from the start of the parameter arena.
  let offset: Int
  let count: Int

  /// Elements in a chunk: its gradient, parameter and optimizer states stay within a core's second-level cache.
  private static let largestCount = 16_384

  /// All tensors that are not frozen, in the table's order.
  static func cut(_ table: ParameterTable, frozen: [Bool]) -> [ParameterChunk] {
    table.entries.indices.filter { !frozen[$0] }.flatMap { tensor in
      let entry = table.entries[tensor]
      return stride(from: 0, to: entry.count, by: largestCount).map { first in
        ParameterChunk(
          tensor: tensor, offset: entry.offset + first * ElementType.float32.byteCount,
          count: min(largestCount, entry.count - first))
      }
    }
  }

  func slice(of arena: Arena) -> TensorSlice { arena.slice(offset: offset, count: count, type: .float32) }
}

/// Sums the gradients of a batch's micro-batches, layer by layer, while backward passes are still running.
///
/// The last lane to finish a layer joins the layer's gradients of all lanes, divides once by the weight of the batch
/// and measures the result: the data are still in the caches, which saves another sweep. The order of the sums is that
/// of `GradientTree`; which lane does them changes nothing.
package final class GradientReduction: Sendable {
  let chunks: [ParameterChunk]
  /// Gradient arenas, lane by lane; the sum of the batch ends up in the first.
  package let arenas: [Arena]
  /// Each lane's arenas.
  let laneArenas: [[Arena]]
  private let tree: GradientTree
  private let merges: [GradientTree.Merge]
  /// For each step of the plan, the chunks whose gradients are complete once its backward pass has run.
  private let chunksOfStep: [Range<Int>]
  private let arrivals: AtomicCounters
  private let participants: Int
  private let losses: SharedArray<LossSums>
  private let statistics: SharedArray<TensorStatistics>

  init(_ plan: RunPlan, losses: SharedArray<LossSums>) {
    let table = plan.table
    tree = plan.tree
    self.losses = losses
    arenas = (0..<tree.bufferCount).map { _ in Arena(byteCount: table.byteCount) }
    var rest = arenas[...]
    laneArenas = (0..<tree.lanes).map { [tree] lane in
      defer { rest = rest.dropFirst(tree.bufferCount(of: lane)) }
      return Array(rest.prefix(tree.bufferCount(of: lane)))
    }
    merges = tree.merges()
    participants = (0..<tree.lanes).count { [tree] in !tree.range(of: $0).isEmpty }
    (chunks, chunksOfStep) = Self.order(ParameterChunk.cut(table, frozen: plan.groups.map(\.isFrozen)), plan)
    arrivals = AtomicCounters(count: chunksOfStep.count)
    statistics = SharedArray(repeating: TensorStatistics(), count: chunks.count)
  }

  /// Chunks in the order of the steps that complete them, and each step's share.
  private static func order(
    _ chunks: [ParameterChunk], _ plan: RunPlan
  ) -> ([ParameterChunk], [Range<Int>]) {
    // A shared parameter is complete with the first of its users, which is the last in the backward pass.
    var stepOfTensor = [Int](repeating: Int.max, count: plan.table.entries.count)
    for (index, step) in plan.trainingPlan.steps.enumerated() {
      for tensor in step.parameters { stepOfTensor[tensor] = min(stepOfTensor[tensor], index) }
    }
    let ordered = chunks.sorted {
      (stepOfTensor[$0.tensor], $0.tensor, $0.offset) < (stepOfTensor[$1.tensor], $1.tensor, $1.offset)
    }
    var ranges: [Range<Int>] = []
    var next = 0
    for step in plan.trainingPlan.steps.indices {
      let first = next
      while next < ordered.count, stepOfTensor[ordered[next].tensor] == step { next += 1 }
      ranges.append(first..<next)
    }
    return (ordered, ranges)
  }

  /// Called when a lane has run a step of the plan backward for one of its micro-batches.
  ///
  /// - Parameters:
  ///   - turn: the gradients' buffer of the lane, and the number of joins that follow.
  ///   - isLastTurn: whether the lane has no further micro-batch in this batch.
  func finished(step: Int, lane: Int, turn: GradientTree.Turn, isLastTurn: Bool) {
    guard !chunksOfStep[step].isEmpty else { return }
    let own = laneArenas[lane]
    for join in 0..<turn.joins {
      for chunk in chunksOfStep[step] {
        GradientKernel.merge(
          chunks[chunk].slice(of: own[turn.buffer - join]), into: chunks[chunk].slice(of: own[turn.buffer - join - 1]))
      }
    }
    guard isLastTurn, arrivals.isLast(at: step, of: participants) else { return }
    // Every micro-batch has run forward by now, so the weight of the batch is known.
    var weight = 0.0
    for index in 0..<losses.count { weight += losses[index].weight }
    let scale = weight > 0 ? Float(1 / weight) : 0
    for index in chunksOfStep[step] { statistics[index] = reduce(chunks[index], scale: scale) }
  }

  private func reduce(_ chunk: ParameterChunk, scale: Float) -> TensorStatistics {
    for index in 0..<max(0, merges.count - 1) {
      GradientKernel.merge(
        chunk.slice(of: arenas[merges[index].source]), into: chunk.slice(of: arenas[merges[index].destination]))
    }
    guard let last = merges.last else {
      return GradientKernel.finish(chunk.slice(of: arenas[0]), adding: nil, scale: scale)
    }
    return GradientKernel.finish(
      chunk.slice(of: arenas[last.destination]), adding: chunk.slice(of: arenas[last.source]), scale: scale)
  }

  /// Adds the chunks of each tensor up, in their order.
  func collect(into tensors: inout [TensorStatistics]) {
    for tensor in tensors.indices { tensors[tensor] = TensorStatistics() }
    for index in chunks.indices { tensors[chunks[index].tensor].merge(statistics[index]) }
  }
}
