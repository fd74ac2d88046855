import Arenas
import ExecutionPlanning
import Kernels
import Optimizers

/// The optimizer's sweeps over the flat arenas, cut into chunks that lanes share.
///
/// Two sweeps make a step. The first sums the gradients of the micro-batches, divides them once by the weight of the batch
/// and measures them; between the two, the optimizer stage looks at the norms and decides; the second updates parameters,
/// slots, average and shadows, and measures what it wrote. What a chunk yields depends on the chunk alone, so it does not
/// matter which lane takes it.
package final class UpdatePass: Sendable {
  /// Part of one tensor.
  struct Chunk: Sendable {
    let tensor: Int
    /// Bytes from the start of the parameter arena.
    let offset: Int
    let count: Int
  }

  /// Elements in a chunk: its gradient, parameter and slots stay within a core's second-level cache.
  private static let chunkCount = 16_384

  let state: ModelState
  let optimizer: any Optimizer
  /// Gradient arenas, lane by lane.
  let gradients: [Arena]
  let slots: [Arena]
  let average: ModelState?
  private let merges: [GradientTree.Merge]
  private let chunks: [Chunk]
  private let shares: [Range<Int>]
  private let wholeTensors: [[Int]]
  private let frozen: [Bool]

  private let gradientStatistics: SharedArray<TensorStatistics>
  private let updateStatistics: SharedArray<UpdateStatistics>
  /// What the second sweep does with each tensor; written by the optimizer stage between the sweeps.
  let scalars: SharedArray<UpdateScalars>

  init(
    state: ModelState, optimizer: any Optimizer, groups: [ParameterGroup], average: ModelState?, tree: GradientTree
  ) {
    self.state = state
    self.optimizer = optimizer
    self.average = average
    let table = state.table
    let bufferCount = (0..<tree.lanes).reduce(0) { $0 + tree.bufferCount(of: $1) }
    gradients = (0..<bufferCount).map { _ in Arena(byteCount: table.byteCount) }
    slots = optimizer.slotNames.map { _ in Arena(byteCount: table.byteCount) }
    merges = tree.merges()
    frozen = groups.map(\.isFrozen)
    chunks = Self.cut(table, frozen: frozen)
    shares = Self.share(chunks, lanes: tree.lanes)
    wholeTensors = (0..<tree.lanes).map { lane in
      table.entries.indices.filter { $0 % tree.lanes == lane && !groups[$0].isFrozen && table.entries[$0].isWeight }
    }
    gradientStatistics = SharedArray(repeating: TensorStatistics(), count: chunks.count)
    updateStatistics = SharedArray(repeating: UpdateStatistics(), count: chunks.count)
    scalars = SharedArray(repeating: UpdateScalars(), count: table.entries.count)
  }

  private static func cut(_ table: ParameterTable, frozen: [Bool]) -> [Chunk] {
    table.entries.indices.filter { !frozen[$0] }.flatMap { tensor in
      let entry = table.entries[tensor]
      return stride(from: 0, to: entry.count, by: chunkCount).map { first in
        Chunk(tensor: tensor, offset: entry.offset + 4 * first, count: min(chunkCount, entry.count - first))
      }
    }
  }

  /// Runs of neighbouring chunks, about equal in elements.
  private static func share(_ chunks: [Chunk], lanes: Int) -> [Range<Int>] {
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

  /// The first sweep, one lane's share of it.
  ///
  /// - Parameter scale: one over the weight of the batch.
  func reduce(lane: Int, scale: Float) {
    for index in shares[lane] {
      let chunk = chunks[index]
      func slice(_ buffer: Int) -> TensorSlice {
        gradients[buffer].slice(offset: chunk.offset, count: chunk.count, type: .float32)
      }
      for merge in merges.dropLast() { GradientKernel.merge(slice(merge.source), into: slice(merge.destination)) }
      let last = merges.last
      gradientStatistics[index] = GradientKernel.finish(
        slice(last?.destination ?? 0), adding: last.map { slice($0.source) }, scale: scale)
    }
  }

  /// Adaptive clipping looks at whole rows, so lanes share whole tensors.
  func clipRows(lane: Int, _ clipping: AdaptiveClipping) {
    for tensor in wholeTensors[lane] {
      let entry = state.table.entries[tensor]
      clipping.clip(
        gradient: gradient(entry), parameter: state.table.slice(entry, in: state.parameters), rows: entry.shape[0])
    }
  }

  /// The second sweep, one lane's share of it.
  func update(lane: Int) {
    for index in shares[lane] {
      let chunk = chunks[index]
      func slice(_ arena: Arena) -> TensorSlice {
        arena.slice(offset: chunk.offset, count: chunk.count, type: .float32)
      }
      var update = UpdateChunk(gradient: slice(gradients[0]), parameter: slice(state.parameters))
      for (number, arena) in slots.enumerated() { update.setSlot(number, slice(arena)) }
      if let shadows = state.shadows, state.table.entries[chunk.tensor].isWeight {
        update.shadow = shadows.slice(offset: chunk.offset / 2, count: chunk.count, type: .bfloat16)
      }
      if let average { update.average = slice(average.parameters) }
      updateStatistics[index] = optimizer.update(update, scalars[chunk.tensor])
    }
  }

  func gradient(_ entry: ParameterTable.Entry) -> TensorSlice { state.table.slice(entry, in: gradients[0]) }

  /// Adds the chunks of each tensor up, in their order.
  func collectGradients(into tensors: inout [TensorStatistics]) {
    for tensor in tensors.indices { tensors[tensor] = TensorStatistics() }
    for index in chunks.indices { tensors[chunks[index].tensor].merge(gradientStatistics[index]) }
  }

  func collectUpdates(into tensors: inout [UpdateStatistics]) {
    for tensor in tensors.indices { tensors[tensor] = UpdateStatistics() }
    for index in chunks.indices { tensors[chunks[index].tensor].merge(updateStatistics[index]) }
  }
}
