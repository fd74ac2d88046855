/// Lion (Chen et al., "Symbolic Discovery of Optimization Algorithms", 2023, algorithm 2).
///
///     θ ← θ·(1 − η·λ) − η·sign(β₁·m + (1 − β₁)·g)      m ← β₂·m + (1 − β₂)·g
///
/// State: m.
package struct LionUpdate: UpdateRule {
  static let stateCount = 1

  private let shrink: Float
  private let learningRate: Float
  private let directionDecay: Float
  private let directionWeight: Float
  private let momentumDecay: Float
  private let momentumWeight: Float

  package init(betas: (Double, Double), scalars: UpdateScalars) {
    shrink = Float(1 - scalars.learningRate * scalars.weightDecay)
    learningRate = Float(scalars.learningRate)
    directionDecay = Float(betas.0)
    directionWeight = Float(1 - betas.0)
    momentumDecay = Float(betas.1)
    momentumWeight = Float(1 - betas.1)
  }

  package func update(_ chunk: UpdateChunk, _ scalars: UpdateScalars, measures: Bool) -> UpdateStatistics {
    sweep(chunk, scalars, measures: measures)
  }

  @inline(__always)
  func updated(_ parameter: Vector, gradient: Vector, states: inout StateVectors) -> Vector {
    let m = states.first
    let direction = (m * directionDecay).addingProduct(Vector(repeating: directionWeight), gradient)
    states.first = (m * momentumDecay).addingProduct(Vector(repeating: momentumWeight), gradient)
    // Zero stays zero and NaN stays NaN.
    var sign = direction
    sign.replace(with: 1, where: direction .> Vector.zero)
    sign.replace(with: -1, where: direction .< Vector.zero)
    return (parameter * shrink).addingProduct(Vector(repeating: -learningRate), sign)
  }
}
