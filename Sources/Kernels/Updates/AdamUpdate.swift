/// Adam (Kingma and Ba 2015) and, with decoupled decay, AdamW (Loshchilov and Hutter 2019), as PyTorch writes them.
///
///     Adam:   g ← g + λ·θ                     AdamW:   θ ← θ·(1 − η·λ)
///     m ← m + (1 − β₁)·(g − m)                v ← β₂·v + (1 − β₂)·g²
///     θ ← θ − η/(1 − β₁ᵗ) · m / (√v/√(1 − β₂ᵗ) + ε)
///
/// States: m, v.
package struct AdamUpdate: UpdateRule {
  static let stateCount = 2

  private let gradientDecay: Float
  private let shrink: Float
  private let firstWeight: Float
  private let secondDecay: Float
  private let secondWeight: Float
  private let inverseRootCorrection: Float
  private let epsilon: Float
  private let stepSize: Float

  /// - Parameters:
  ///   - betas: β₁ and β₂, below 1.
  ///   - corrections: 1 − β₁ᵗ and 1 − β₂ᵗ.
  package init(
    betas: (Double, Double), corrections: (Double, Double), epsilon: Double, isDecoupled: Bool, scalars: UpdateScalars
  ) {
    gradientDecay = isDecoupled ? 0 : Float(scalars.weightDecay)
    shrink = isDecoupled ? Float(1 - scalars.learningRate * scalars.weightDecay) : 1
    firstWeight = Float(1 - betas.0)
    secondDecay = Float(betas.1)
    secondWeight = Float(1 - betas.1)
    inverseRootCorrection = Float(1 / corrections.1.squareRoot())
    self.epsilon = Float(epsilon)
    stepSize = Float(scalars.learningRate / corrections.0)
  }

  package func update(_ chunk: UpdateChunk, _ scalars: UpdateScalars, measures: Bool) -> UpdateStatistics {
    sweep(chunk, scalars, measures: measures)
  }

  @inline(__always)
  func updated(_ parameter: Vector, gradient: Vector, states: inout StateVectors) -> Vector {
    let g = gradient.addingProduct(parameter, Vector(repeating: gradientDecay))
    states.first = states.first.addingProduct(Vector(repeating: firstWeight), g - states.first)
    states.second = (states.second * secondDecay).addingProduct(g * secondWeight, g)
    let root = states.second.squareRoot
    let denominator = Vector(repeating: epsilon).addingProduct(root, Vector(repeating: inverseRootCorrection))
    return (parameter * shrink).addingProduct(Vector(repeating: -stepSize), states.first / denominator)
  }
}
