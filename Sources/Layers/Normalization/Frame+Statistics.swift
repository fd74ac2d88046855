import Tensors

extension Frame {
  /// What a norm keeps of its input: the means, and 1/√(σ² + ε).
  var mean: TensorSlice { saved(0) }
  var inverseDeviation: TensorSlice { saved(1) }
}
