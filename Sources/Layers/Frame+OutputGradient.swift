import Kernels
import Tensors

extension Frame {
  /// How the backward pass of a linear map begins: dy becomes f'(y)·dy where it lies, its column sums the gradient of
  /// the bias.
  ///
  /// - Parameters:
  ///   - activation: f, whose derivative follows from its output.
  ///   - rows: of y, whose columns the bias belongs to.
  ///   - bias: the number of the bias among the parameters.
  /// - Returns: dy in the input's type: the gradient of the output itself, or a copy at the start of the scratch.
  func differentiatedOutput(_ activation: Activation, rows: Int, columns: Int, bias: Int?) -> TensorSlice {
    let dy = outputGradient
    if let bias, let biasGradient = parameterGradient(bias) {
      let accumulates = accumulatesParameterGradient(bias)
      if activation == .identity {
        ColumnSums.add(dy, rows: rows, columns: columns, into: biasGradient, accumulate: accumulates)
      } else {
        activation.backwardWithBias(
          kept: output, dy: dy, dx: dy, biasGradient: biasGradient, rows: rows, columns: columns,
          accumulateBias: accumulates)
      }
    } else if activation != .identity {
      activation.backward(kept: output, dy: dy, dx: dy, accumulate: false)
    }
    guard dy.type != input().type else { return dy }
    let narrow = scratch.reinterpreted(as: input().type, count: dy.count)
    Elementwise.convert(dy, into: narrow)
    return narrow
  }
}
