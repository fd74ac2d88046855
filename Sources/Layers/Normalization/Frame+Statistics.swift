import Tensors

extension Frame {
  /// The statistics that a norm keeps: the means, and 1/√(σ² + ε).
  var mean: TensorSlice { saved(0) }
  var inverseDeviation: TensorSlice { saved(1) }
}
