import Tensors

/// y = x·inverseRoot·gamma along the columns of each row, inverseRoot = 1 / √(mean of x² + epsilon) (Zhang and Sennrich 2019).
package enum RMSNormKernel {
  /// Parameters as for `LayerNormKernel.forward`, without mean and beta.
  package static func forward(
    _ x: TensorSlice, gamma: TensorSlice?, into y: TensorSlice, inverseRoot: TensorSlice, rows: Int, columns: Int,
    epsilon: Float
  ) {
    let pass = NormPass(rows: rows, columns: columns, gamma: gamma, mean: nil, inverseDeviation: inverseRoot)
    pass.check(x, y, nil, nil, nil)
    if x.type == .bfloat16 {
      pass.forward(x.pointer(as: BFloat16.self), nil, y.pointer(as: BFloat16.self), epsilon)
    } else {
      pass.forward(x.pointer(as: Float.self), nil, y.pointer(as: Float.self), epsilon)
    }
  }

  /// Parameters as for `LayerNormKernel.backward`, without mean and beta.
  package static func backward(
    _ x: TensorSlice, gamma: TensorSlice?, inverseRoot: TensorSlice, dy: TensorSlice, dx: TensorSlice,
    accumulate: Bool, dGamma: TensorSlice?, accumulateParameters: Bool, rows: Int, columns: Int
  ) {
    let pass = NormPass(rows: rows, columns: columns, gamma: gamma, mean: nil, inverseDeviation: inverseRoot)
    pass.check(x, dy, dx, dGamma, nil)
    if !accumulateParameters { dGamma?.zero() }
    if x.type == .bfloat16 {
      pass.backward(x, dy, dx, accumulate, dGamma, nil, as: BFloat16.self)
    } else {
      pass.backward(x, dy, dx, accumulate, dGamma, nil, as: Float.self)
    }
  }
}
