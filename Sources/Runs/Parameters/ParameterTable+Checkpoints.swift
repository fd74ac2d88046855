import Checkpoints
import Models
import Tensors

extension ParameterTable {
  /// Parameters and buffers that a pass of a model computes with, as a checkpoint files them.
  ///
  /// - Parameter isAverage: whether they are the moving average.
  package func evaluatedTensors(_ state: ModelState, isAverage: Bool) -> [CheckpointTensor] {
    checkpointTensors(isAverage ? "ema" : "parameters", state.parameters, isBuffers: false)
      + checkpointTensors(isAverage ? "ema" : "buffers", state.buffers, isBuffers: true)
  }

  /// The tensors of an arena as a checkpoint files them.
  package func checkpointTensors(_ group: String, _ arena: Arena, isBuffers: Bool) -> [CheckpointTensor] {
    isBuffers
      ? buffers.map {
        CheckpointTensor(path: "\(group)/\($0.name)", shape: $0.declaration.shape, slice: slice($0, in: arena))
      }
      : entries.map { CheckpointTensor(path: "\(group)/\($0.name)", shape: $0.shape, slice: slice($0, in: arena)) }
  }
}
