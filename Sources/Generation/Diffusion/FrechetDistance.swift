import Pipeline

/// How far two sets of pictures are apart, as two Gaussians of their features (Fréchet 1957; Dowson and Landau 1982):
///
///     d² = |μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2·(Σ₁·Σ₂)^½)
///
/// Heusel et al. 2017 (arXiv:1706.08500) take Inception's features and call it FID. With other features it is another number,
/// so it is never called that here.
///
/// With Σ = Lᵀ·L, tr (Σ₁·Σ₂)^½ is the sum of the singular values of L₁·L₂ᵀ: no root of a matrix is ever taken.
package enum FrechetDistance {
  /// Float64 throughout.
  ///
  /// - Parameters: at least two rows each, of the same width.
  package static func squared(_ a: FeatureTable, _ b: FeatureTable) -> Double {
    precondition(a.width == b.width && a.count > 1 && b.count > 1)
    let (first, second) = (Moments(a), Moments(b))
    var distance = 0.0
    for index in 0..<a.width {
      let difference = first.mean[index] - second.mean[index]
      distance += difference * difference
    }
    let (traceA, traceB) = (first.covariance.trace, second.covariance.trace)
    let product = first.covariance.choleskyFactor.timesTransposed(second.covariance.choleskyFactor)
    // Sets that are equal must not differ by rounding.
    return max(0, distance + traceA + traceB - 2 * product.singularValues.reduce(0, +))
  }

  /// The mean and the unbiased covariance of features.
  private struct Moments {
    let mean: [Double]
    let covariance: SquareMatrix

    init(_ table: FeatureTable) {
      let width = table.width
      var mean = [Double](repeating: 0, count: width)
      for row in 0..<table.count {
        for index in 0..<width { mean[index] += Double(table.values[row * width + index]) }
      }
      for index in 0..<width { mean[index] /= Double(table.count) }
      var sums = SquareMatrix(zeros: width)
      var centred = mean
      for row in 0..<table.count {
        for index in 0..<width { centred[index] = Double(table.values[row * width + index]) - mean[index] }
        sums.addSquare(of: centred)
      }
      sums.scale(by: 1 / Double(table.count - 1))
      self.mean = mean
      covariance = sums
    }
  }
}
