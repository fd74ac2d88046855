/// The distance of two sets of images, as two Gaussians of their features (Fréchet 1957; Dowson and Landau 1982):
///
///     d² = |μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2·(Σ₁·Σ₂)^½)
///
/// Heusel et al. 2017 (arXiv:1706.08500) use Inception's features and call it FID. This one has other features, so it
/// is not called FID.
package enum FrechetDistance {
  /// In float64; NaN if a feature is NaN.
  ///
  /// - Parameters: at least two rows each, of the same width.
  package static func squared(_ a: FeatureTable, _ b: FeatureTable) -> Double {
    precondition(a.width == b.width && a.count > 1 && b.count > 1)
    let (first, second) = (CovarianceMatrix(a), CovarianceMatrix(b))
    let means = zip(first.mean, second.mean).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    let distance = means + first.trace + second.trace - 2 * first.traceOfRoot(with: second)
    // Rounding must not make equal sets differ.
    return distance.isNaN ? distance : max(0, distance)
  }
}
