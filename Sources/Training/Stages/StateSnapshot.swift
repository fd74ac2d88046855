import Checkpoints
import Models
import Tensors

/// A copy of everything that a step changes, taken between steps, which the writer reads while training continues.
package final class StateSnapshot: Sendable {
  private let model: RunModel
  private let copies: [Arena]

  init(_ model: RunModel) {
    self.model = model
    copies = model.storedArenas.map { Arena(byteCount: $0.arena.byteCount) }
  }

  /// Copies one lane's share of every arena.
  func take(lane: Int, of lanes: Int) {
    for (copy, stored) in zip(copies, model.storedArenas) {
      let bytes = copy.byteCount
      copy.copy(from: stored.arena, bytes: lane * bytes / lanes..<(lane + 1) * bytes / lanes)
    }
  }

  /// The tensors of the copy under the names of a checkpoint.
  var tensors: [CheckpointTensor] {
    zip(copies, model.storedArenas).flatMap { copy, stored in model.checkpointTensors(stored.contents, in: copy) }
  }
}
