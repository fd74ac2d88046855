import Configuration
import Kernels

/// Limits on the size of gradients. The update itself clips, so the arenas keep the measured gradients.
package enum Clipping: Sendable, Equatable {
  case none
  /// All gradients times min(1, threshold / (norm + 1e-6)), norm being that of all together: PyTorch's
  /// `clip_grad_norm_`.
  case globalNorm(threshold: Double)
  /// Each tensor's gradient times threshold / max(norm, threshold), norm being its own: TensorFlow's `clip_by_norm`.
  case perTensor(threshold: Double)
  /// Each element cut to -threshold ... threshold: PyTorch's `clip_grad_value_`.
  case value(threshold: Double)
  /// Each row cut by the norm of the parameters it belongs to.
  case adaptive(AdaptiveClipping)

  /// PyTorch's addition to the norm.
  private static let normGuard = 1e-6

  /// The factors for the update, from the statistics of the reduction.
  ///
  /// - Parameters:
  ///   - statistics: of the gradient of every tensor; zero for frozen ones.
  ///   - globalNorm: the root of the sum of all their squares. Where it is not finite, neither are the scales: such a
  ///     step is the non-finite policy's.
  package func scales(_ statistics: [TensorStatistics], globalNorm: Double) -> ClippingScales {
    switch self {
    case .none, .adaptive: return ClippingScales()
    case .value(let threshold): return ClippingScales(value: Float(threshold))
    case .globalNorm(let threshold):
      let scale = threshold / (globalNorm + Self.normGuard)
      return ClippingScales(globalScale: Float(scale > 1 ? 1 : scale))
    case .perTensor(let threshold):
      var scales = ClippingScales(statistics: statistics, threshold: threshold)
      for tensor in statistics.indices { scales.globalScale = min(scales.globalScale, scales.scale(of: tensor)) }
      return scales
    }
  }

  /// The norm of all tensors together.
  package static func globalNorm(_ statistics: [TensorStatistics]) -> Double {
    statistics.reduce(0) { $0 + $1.sumOfSquares }.squareRoot()
  }
}

/// The factors that clip one step's gradients.
package struct ClippingScales: Sendable {
  /// The factor on all gradients; the smallest of any, where tensors have their own.
  package fileprivate(set) var globalScale: Float = 1
  /// Elements are cut to -value ... value.
  package private(set) var value = Float.infinity
  private var statistics: [TensorStatistics]?
  private var threshold = 0.0

  fileprivate init(globalScale: Float = 1, value: Float = .infinity) {
    self.globalScale = globalScale
    self.value = value
  }

  fileprivate init(statistics: [TensorStatistics], threshold: Double) {
    self.statistics = statistics
    self.threshold = threshold
  }

  /// The factor on the gradient of one tensor.
  package func scale(of tensor: Int) -> Float {
    guard let statistics else { return globalScale }
    let norm = statistics[tensor].norm
    return norm <= threshold ? 1 : Float(threshold / norm)
  }
}

/// Every kind of clipping that a configuration can name.
package let clippingCatalog = Catalog<Clipping>(
  "clipping",
  [
    CatalogEntry("none", "gradients as they are") { (_) throws(ConfigurationError) in Clipping.none },
    CatalogEntry("global_norm", "all gradients scaled down together when their common norm is above a threshold") {
      (reader) throws(ConfigurationError) in .globalNorm(threshold: try reader.threshold("the largest norm"))
    },
    CatalogEntry("per_tensor", "each tensor's gradient scaled down when its norm is above a threshold") {
      (reader) throws(ConfigurationError) in .perTensor(threshold: try reader.threshold("the largest norm of a tensor"))
    },
    CatalogEntry("value", "each element of a gradient cut at a threshold") {
      (reader) throws(ConfigurationError) in .value(threshold: try reader.threshold("the largest magnitude"))
    },
    CatalogEntry("adaptive", "each row's gradient held to a share of the norm of its parameters (Brock et al. 2021)") {
      (reader) throws(ConfigurationError) in .adaptive(try AdaptiveClipping(from: reader))
    },
  ])

extension SettingsReader {
  fileprivate func threshold(_ documentation: String) throws(ConfigurationError) -> Double {
    try number("threshold", default: 1, in: 0...1e30, above: true, documentation)
  }
}
