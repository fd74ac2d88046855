/// RMSprop (Hinton 2012; centered after Graves 2013), as PyTorch writes it.
///
///     g ← g + λ·θ      v ← α·v + (1 − α)·g²      centered: a ← a + (1 − α)·(g − a), v − a² instead of v below
///     with momentum μ: b ← μ·b + g / (√v + ε), θ ← θ − η·b;   without: θ ← θ − η·g / (√v + ε)
///
/// States: v, then b with momentum, then a when centered.
package struct RMSPropUpdate<Momentum: StaticFlag, Centered: StaticFlag>: UpdateRule {
  @inline(__always) static var stateCount: Int { 1 + (Momentum.isOn ? 1 : 0) + (Centered.isOn ? 1 : 0) }

  private let decay: Float
  private let learningRate: Float
  private let alpha: Float
  private let squareWeight: Float
  private let epsilon: Float
  private let momentum: Float

  init(alpha: Double, epsilon: Double, momentum: Double, scalars: UpdateScalars) {
    decay = Float(scalars.weightDecay)
    learningRate = Float(scalars.learningRate)
    self.alpha = Float(alpha)
    squareWeight = Float(1 - alpha)
    self.epsilon = Float(epsilon)
    self.momentum = Float(momentum)
  }

  @inline(__always)
  func updated(_ parameter: Vector, gradient: Vector, states: inout StateVectors) -> Vector {
    let g = gradient.addingProduct(parameter, Vector(repeating: decay))
    states.first = (states.first * alpha).addingProduct(g * squareWeight, g)
    var variance = states.first
    if Centered.isOn {
      var mean = Momentum.isOn ? states.third : states.second
      mean = mean.addingProduct(Vector(repeating: squareWeight), g - mean)
      if Momentum.isOn { states.third = mean } else { states.second = mean }
      variance = variance.addingProduct(-mean, mean)
      // Rounding can take a constant gradient's variance just below zero, where there is no root.
      variance = variance.replacing(with: 0, where: variance .< Vector.zero)
    }
    let direction = g / (variance.squareRoot + epsilon)
    guard Momentum.isOn else { return parameter.addingProduct(Vector(repeating: -learningRate), direction) }
    states.second = direction.addingProduct(states.second, Vector(repeating: momentum))
    return parameter.addingProduct(Vector(repeating: -learningRate), states.second)
  }
}

/// Chooses among the forms of RMSprop.
package enum RMSPropKernel {
  /// - Parameter momentum: none at 0.
  package static func update(
    _ chunk: UpdateChunk, _ scalars: UpdateScalars, alpha: Double, epsilon: Double, momentum: Double, isCentered: Bool,
    measures: Bool
  ) -> UpdateStatistics {
    @inline(__always) func run<M: StaticFlag, C: StaticFlag>(_: M.Type, _: C.Type) -> UpdateStatistics {
      RMSPropUpdate<M, C>(alpha: alpha, epsilon: epsilon, momentum: momentum, scalars: scalars)
        .sweep(chunk, scalars, measures: measures)
    }
    return switch (momentum > 0, isCentered) {
    case (false, false): run(Off.self, Off.self)
    case (false, true): run(Off.self, On.self)
    case (true, false): run(On.self, Off.self)
    case (true, true): run(On.self, On.self)
    }
  }
}
