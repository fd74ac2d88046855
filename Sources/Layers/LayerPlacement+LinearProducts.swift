import Kernels

extension LayerPlacement {
  /// y = x·Wᵀ (+ b), dW = dyᵀ·x and dx = dy·W in the order of `Frame.LinearProduct`, the gradients where they are
  /// wanted.
  ///
  /// - Parameters:
  ///   - rows: of x and y.
  ///   - columns: of y.
  ///   - inner: columns of x.
  ///   - accumulatesInput: whether dx is added to instead of replaced.
  func linearProducts(
    rows: Int, columns: Int, inner: Int, hasBias: Bool, activation: Activation = .identity, accumulatesInput: Bool
  ) -> [MatmulShape] {
    var forward = MatmulShape(
      rows: rows, columns: columns, inner: inner, transposesB: true, inputs: inputs, output: output)
    forward.hasBias = hasBias
    if MatmulShape.fusedActivations.contains(activation) { forward.activation = activation }
    guard isTraining else { return [forward] }
    var weightGradient = MatmulShape(
      rows: columns, columns: inner, inner: rows, transposesA: true, inputs: inputs, output: .float32)
    weightGradient.accumulates = accumulatesParameterGradient[0]
    var inputGradient = MatmulShape(rows: rows, columns: inner, inner: columns, inputs: inputs, output: inputs)
    inputGradient.accumulates = accumulatesInput
    return [forward, weightGradient] + (needsInputGradient[0] ? [inputGradient] : [])
  }
}
