import Tensors

extension Frame {
  /// The statistics that a norm keeps: the means, and 1/√(σ² + ε).
  var mean: TensorSlice { saved(0) }
  var inverseDeviation: TensorSlice { saved(1) }

  /// The memory for dx: that of dy, which is not needed any more, where dx is not wanted.
  var normInputGradient: TensorSlice { inputGradient() ?? outputGradient }
}
