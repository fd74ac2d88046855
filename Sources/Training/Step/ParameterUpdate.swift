import Kernels
import Models
import Optimizers
import Runs
import Tensors

/// The optimizer's sweep over the flat arenas, cut into chunks that lanes share.
///
/// One pass moves parameters, optimizer states, average and bf16 weights and measures the result, which depends
/// on the chunk alone, not on the lane.
package final class ParameterUpdate: Sendable {
  let state: ModelState
  let optimizer: any Optimizer
  let states: [Arena]
  package let average: ModelState?
  /// The scalars of each tensor's update, set before the sweep.
  let scalars: SharedArray<UpdateScalars>
  private let reduction: GradientReduction
  private let shares: [Range<Int>]
  /// The weights that each lane clips row by row.
  private let tensorShares: [[Int]]
  private let statistics: SharedArray<UpdateStatistics>

  init(_ plan: RunPlan, state: ModelState, reduction: GradientReduction) {
    self.state = state
    self.reduction = reduction
    optimizer = plan.configuration.optimizer
    average = plan.configuration.training.average.isEnabled ? ModelState(averageOf: state) : nil
    let table = plan.table
    let lanes = plan.tree.lanes
    states = optimizer.stateNames.map { _ in Arena(byteCount: table.byteCount) }
    shares = Self.share(reduction.chunks, lanes: lanes)
    tensorShares = (0..<lanes).map { lane in
      table.entries.indices.filter { $0 % lanes == lane && !plan.groups[$0].isFrozen && table.entries[$0].isWeight }
    }
    statistics = SharedArray(repeating: UpdateStatistics(), count: reduction.chunks.count)
    scalars = SharedArray(repeating: UpdateScalars(), count: table.entries.count)
  }

  /// Consecutive chunks, about equal in elements.
  private static func share(_ chunks: [ParameterChunk], lanes: Int) -> [Range<Int>] {
    let total = chunks.reduce(0) { $0 + $1.count }
    var ends: [Int] = []
    var seen = 0
    for (index, chunk) in chunks.enumerated() {
      seen += chunk.count
      while ends.count < lanes - 1, seen * lanes >= total * (ends.count + 1) { ends.append(index + 1) }
    }
    while ends.count < lanes { ends.append(chunks.count) }
    return (0..<lanes).map { ($0 == 0 ? 0 : ends[$0 - 1])..<ends[$0] }
  }

  /// Clips a lane's share of the weights; adaptive clipping needs whole rows, so lanes share whole tensors.
  func clipRows(lane: Int, _ clipping: AdaptiveClipping) {
    for tensor in tensorShares[lane] {
      let entry = state.table.entries[tensor]
      clipping.clip(
        gradient: state.table.slice(entry, in: reduction.arenas[0]),
        parameter: state.table.slice(entry, in: state.parameters), rows: entry.shape[0])
    }
  }

  /// One lane's share of the sweep.
  func run(lane: Int) {
    for index in shares[lane] {
      let chunk = reduction.chunks[index]
      var update = UpdateChunk(
        gradient: chunk.slice(of: reduction.arenas[0]), parameter: chunk.slice(of: state.parameters))
      for index in states.indices { update.setState(index, chunk.slice(of: states[index])) }
      let entry = state.table.entries[chunk.tensor]
      if let copy = state.bf16Weights(of: entry) {
        let first = (chunk.offset - entry.offset) / ElementType.float32.byteCount
        update.bf16Weights = copy.slice(first..<first + chunk.count)
      }
      if let average { update.average = chunk.slice(of: average.parameters) }
      statistics[index] = optimizer.update(update, scalars[chunk.tensor])
    }
  }

  /// Adds the chunks of each tensor up, in their order.
  func collect(into tensors: inout [UpdateStatistics]) {
    for tensor in tensors.indices { tensors[tensor] = UpdateStatistics() }
    for index in reduction.chunks.indices { tensors[reduction.chunks[index].tensor].merge(statistics[index]) }
  }
}
