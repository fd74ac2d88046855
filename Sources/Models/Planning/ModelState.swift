import Kernels
import Tensors

/// What a model is between two steps: its parameters, their bfloat16 shadows and its buffers.
package final class ModelState: Sendable {
  package let table: ParameterTable
  package let parameters: Arena
  /// bfloat16 copies of the weights that products read; nil in a float32 run.
  package let shadows: Arena?
  package let buffers: Arena

  package init(_ table: ParameterTable, precision: Precision) {
    self.table = table
    parameters = Arena(byteCount: table.byteCount)
    shadows = precision == .bfloat16 ? Arena(byteCount: table.shadowByteCount) : nil
    buffers = Arena(byteCount: table.bufferByteCount)
  }

  /// Room for a moving average of the same model.
  package init(averageOf state: ModelState) {
    table = state.table
    parameters = Arena(byteCount: state.parameters.byteCount)
    shadows = state.shadows.map { Arena(byteCount: $0.byteCount) }
    buffers = Arena(byteCount: state.buffers.byteCount)
  }

  package func shadow(of entry: ParameterTable.Entry) -> TensorSlice? {
    guard let shadows, let offset = entry.shadowOffset else { return nil }
    return shadows.slice(offset: offset, count: entry.count, type: .bfloat16)
  }

  /// Makes the shadows follow parameters that were written from outside (initialised, loaded).
  package func refreshShadows() {
    for entry in table.entries {
      if let shadow = shadow(of: entry) { Elementwise.convert(table.slice(entry, in: parameters), into: shadow) }
    }
  }
}
