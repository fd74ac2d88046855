import Checkpoints
import Models
import Tensors

extension ParameterTable {
  /// Parameters and buffers under the names of a checkpoint.
  ///
  /// - Parameter isAverage: whether they are the moving average.
  package func evaluatedTensors(_ state: ModelState, isAverage: Bool) -> [CheckpointTensor] {
    checkpointTensors(isAverage ? "ema" : "parameters", state.parameters, isBuffers: false)
      + checkpointTensors(isAverage ? "ema" : "buffers", state.buffers, isBuffers: true)
  }

  /// The tensors of an arena under the names of a checkpoint.
  package func checkpointTensors(_ group: String, _ arena: Arena, isBuffers: Bool) -> [CheckpointTensor] {
    isBuffers
      ? buffers.map {
        CheckpointTensor(path: "\(group)/\($0.name)", shape: $0.declaration.shape, slice: slice($0, in: arena))
      }
      : entries.map { CheckpointTensor(path: "\(group)/\($0.name)", shape: $0.shape, slice: slice($0, in: arena)) }
  }
}
