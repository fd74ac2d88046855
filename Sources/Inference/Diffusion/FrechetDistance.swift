
/// How far two sets of pictures are apart, as two Gaussians of their features (Fréchet 1957; Dowson and Landau 1982):
///
///     d² = |μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2·(Σ₁·Σ₂)^½)
///
/// Heusel et al. 2017 (arXiv:1706.08500) take Inception's features and call it FID. With other features it is another number,
/// so it is never called that here.
package enum FrechetDistance {
  /// Float64 throughout; NaN where a feature is.
  ///
  /// - Parameters: at least two rows each, of the same width.
  package static func squared(_ a: FeatureTable, _ b: FeatureTable) -> Double {
    precondition(a.width == b.width && a.count > 1 && b.count > 1)
    let (first, second) = (CovarianceMatrix(a), CovarianceMatrix(b))
    let means = zip(first.mean, second.mean).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    let distance = means + first.trace + second.trace - 2 * first.traceOfRoot(with: second)
    // Sets that are equal must not differ by rounding.
    return distance.isNaN ? distance : max(0, distance)
  }
}
