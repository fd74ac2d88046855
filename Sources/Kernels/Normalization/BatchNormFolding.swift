import Tensors

/// Batch norm with running statistics as part of the convolution before it (Jacob et al. 2018, section 3.2):
///
///     w′ = w·s and b′ = β + (b − μ)·s    with s = γ / √(σ² + ε) of each filter
package struct BatchNormFolding: Sendable {
  private let filters: Int
  private let weightsPerFilter: Int
  private let epsilon: Float

  package init(filters: Int, weightsPerFilter: Int, epsilon: Float) {
    precondition(filters > 0 && weightsPerFilter > 0)
    self.filters = filters
    self.weightsPerFilter = weightsPerFilter
    self.epsilon = epsilon
  }

  /// Batch norm's tensors, each [filters] float32.
  package struct Norm {
    let gamma: TensorSlice
    let beta: TensorSlice
    let runningMean: TensorSlice
    let runningVariance: TensorSlice

    package init(gamma: TensorSlice, beta: TensorSlice, runningMean: TensorSlice, runningVariance: TensorSlice) {
      self.gamma = gamma
      self.beta = beta
      self.runningMean = runningMean
      self.runningVariance = runningVariance
    }
  }

  /// - Parameters:
  ///   - weights: (filters, …) float32.
  ///   - bias: [filters] float32; 0 where nil.
  ///   - foldedWeights: w′, laid out as `weights`.
  ///   - foldedBias: b′, [filters] float32.
  package func fold(
    _ weights: TensorSlice, bias: TensorSlice?, _ norm: Norm, intoWeights foldedWeights: TensorSlice,
    bias foldedBias: TensorSlice
  ) {
    precondition(weights.count == filters * weightsPerFilter && foldedWeights.count == weights.count)
    precondition(foldedBias.count == filters && (bias?.count ?? filters) == filters)
    let (gamma, beta) = (norm.gamma.floats, norm.beta.floats)
    let (means, variances) = (norm.runningMean.floats, norm.runningVariance.floats)
    let from = UnsafePointer(weights.pointer(as: Float.self))
    let to = foldedWeights.pointer(as: Float.self)
    let biases = bias.map { $0.pointer(as: Float.self) }
    var shifts = foldedBias.mutableFloats
    for filter in 0..<filters {
      let scale = gamma[filter] / (variances[filter] + epsilon).squareRoot()
      shifts[filter] = beta[filter] + ((biases?[filter] ?? 0) - means[filter]) * scale
      let start = filter * weightsPerFilter
      map(weightsPerFilter, from + start, into: to + start) { $0 * scale }
    }
  }
}
