import Kernels
import Tensors

/// The parameters of a model, their bf16 weights and its buffers.
package final class ModelState: Sendable {
  package let table: ParameterTable
  package let parameters: Arena
  /// bfloat16 copies of the weights that products read; nil in a float32 run.
  package let bf16Weights: Arena?
  package let buffers: Arena

  package init(_ table: ParameterTable, precision: Precision) {
    self.table = table
    parameters = Arena(byteCount: table.byteCount)
    bf16Weights = precision == .bfloat16 ? Arena(byteCount: table.bf16WeightsByteCount) : nil
    buffers = Arena(byteCount: table.bufferByteCount)
  }

  /// Room for a moving average of the same model.
  package init(averageOf state: ModelState) {
    table = state.table
    parameters = Arena(byteCount: state.parameters.byteCount)
    bf16Weights = state.bf16Weights.map { Arena(byteCount: $0.byteCount) }
    buffers = Arena(byteCount: state.buffers.byteCount)
  }

  package func bf16Weights(of entry: ParameterTable.Entry) -> TensorSlice? {
    guard let bf16Weights, let offset = entry.bf16WeightsOffset else { return nil }
    return bf16Weights.slice(offset: offset, count: entry.count, type: .bfloat16)
  }

  /// Converts the parameters again, after they were initialized or loaded.
  package func refreshBF16Weights() {
    for entry in table.entries {
      if let copy = bf16Weights(of: entry) { Elementwise.convert(table.slice(entry, in: parameters), into: copy) }
    }
  }
}
