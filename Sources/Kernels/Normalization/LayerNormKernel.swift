import Tensors

/// y = (x − mean)·inverseDeviation·gamma + beta along the columns of each row (Ba, Kiros and Hinton 2016).
package enum LayerNormKernel {
  /// - Parameters:
  ///   - x: rows × columns, float32 or bfloat16.
  ///   - gamma: [columns] float32; 1 where nil.
  ///   - beta: [columns] float32; 0 where nil.
  ///   - y: rows × columns, of x's type; may be `x` itself.
  ///   - mean: [rows] float32, written for `backward`.
  ///   - inverseDeviation: [rows] float32, written for `backward`: 1 / √(biased variance + epsilon).
  package static func forward(
    _ x: TensorSlice, gamma: TensorSlice?, beta: TensorSlice?, into y: TensorSlice, mean: TensorSlice,
    inverseDeviation: TensorSlice, rows: Int, columns: Int, epsilon: Float
  ) {
    let pass = NormPass(rows: rows, columns: columns, gamma: gamma, mean: mean, inverseDeviation: inverseDeviation)
    pass.check(x, y, nil, beta, nil)
    if x.type == .bfloat16 {
      pass.forward(x.pointer(as: BFloat16.self), beta, y.pointer(as: BFloat16.self), epsilon)
    } else {
      pass.forward(x.pointer(as: Float.self), beta, y.pointer(as: Float.self), epsilon)
    }
  }

  /// - Parameters:
  ///   - x: what `forward` got.
  ///   - mean: what `forward` wrote.
  ///   - inverseDeviation: what `forward` wrote.
  ///   - dy: rows × columns, of x's type.
  ///   - dx: rows × columns, of x's type: the gradient, or += it when `accumulate`; may be `dy` itself otherwise.
  ///   - dGamma: [columns] float32: the gradient, or += it when `accumulateParameters`.
  ///   - dBeta: as `dGamma`.
  package static func backward(
    _ x: TensorSlice, gamma: TensorSlice?, mean: TensorSlice, inverseDeviation: TensorSlice, dy: TensorSlice,
    dx: TensorSlice, accumulate: Bool, dGamma: TensorSlice?, dBeta: TensorSlice?, accumulateParameters: Bool,
    rows: Int, columns: Int
  ) {
    let pass = NormPass(rows: rows, columns: columns, gamma: gamma, mean: mean, inverseDeviation: inverseDeviation)
    pass.check(x, dy, dx, dGamma, dBeta)
    if !accumulateParameters {
      dGamma?.zero()
      dBeta?.zero()
    }
    if x.type == .bfloat16 {
      pass.backward(x, dy, dx, accumulate, dGamma, dBeta, as: BFloat16.self)
    } else {
      pass.backward(x, dy, dx, accumulate, dGamma, dBeta, as: Float.self)
    }
  }
}
