/// Stochastic gradient descent, without states: θ ← θ − η·(g + λ·θ).
package struct GradientDescentUpdate: UpdateRule {
  static let stateCount = 0

  private let decay: Float
  private let learningRate: Float

  package init(scalars: UpdateScalars) {
    decay = Float(scalars.weightDecay)
    learningRate = Float(scalars.learningRate)
  }

  package func update(_ chunk: UpdateChunk, _ scalars: UpdateScalars, measures: Bool) -> UpdateStatistics {
    sweep(chunk, scalars, measures: measures)
  }

  @inline(__always)
  func updated(_ parameter: Vector, gradient: Vector, states: inout StateVectors) -> Vector {
    let g = gradient.addingProduct(parameter, Vector(repeating: decay))
    return parameter.addingProduct(Vector(repeating: -learningRate), g)
  }
}

/// Stochastic gradient descent with momentum, in PyTorch's form (the rate is not inside the buffer).
///
///     g ← g + λ·θ      b ← μ·b + (1 − τ)·g, but b ← g in the first step
///     θ ← θ − η·b      or, after Nesterov,  θ ← θ − η·(g + μ·b)
///
/// State: b.
package struct MomentumUpdate: UpdateRule {
  static let stateCount = 1

  private let decay: Float
  private let learningRate: Float
  private let momentum: Float
  private let gradientWeight: Float
  private let isNesterov: Bool

  /// - Parameters:
  ///   - momentum: μ.
  ///   - dampening: τ.
  package init(momentum: Double, dampening: Double, isNesterov: Bool, scalars: UpdateScalars) {
    decay = Float(scalars.weightDecay)
    learningRate = Float(scalars.learningRate)
    self.momentum = Float(momentum)
    gradientWeight = scalars.step == 1 ? 1 : Float(1 - dampening)
    self.isNesterov = isNesterov
  }

  package func update(_ chunk: UpdateChunk, _ scalars: UpdateScalars, measures: Bool) -> UpdateStatistics {
    sweep(chunk, scalars, measures: measures)
  }

  @inline(__always)
  func updated(_ parameter: Vector, gradient: Vector, states: inout StateVectors) -> Vector {
    let g = gradient.addingProduct(parameter, Vector(repeating: decay))
    states.first = (states.first * momentum).addingProduct(Vector(repeating: gradientWeight), g)
    let direction = isNesterov ? g.addingProduct(Vector(repeating: momentum), states.first) : states.first
    return parameter.addingProduct(Vector(repeating: -learningRate), direction)
  }
}
