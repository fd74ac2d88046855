import Configuration
import Kernels

/// Stochastic gradient descent; the formulas are at `GradientDescentUpdate` and `MomentumUpdate`.
package struct SGD: Optimizer, Settings {
  package let learningRate: Double
  private let momentum: Double
  private let dampening: Double
  private let isNesterov: Bool

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    learningRate = try reader.learningRate(default: 1e-3)
    momentum = try reader.number("momentum", default: 0, in: 0...1, "share of the last step's direction that is kept")
    dampening = try reader.number("dampening", default: 0, in: 0...1, "share of the gradient that momentum leaves out")
    isNesterov = try reader.boolean("nesterov", default: false, "look ahead along the momentum (Nesterov)")
    try reader.require(momentum < 1, "momentum", "1 never forgets: expected below 1")
    try reader.require(momentum > 0 || dampening == 0, "dampening", "has no effect without \"momentum\"")
    try reader.require(
      !isNesterov || (momentum > 0 && dampening == 0), "nesterov", "needs \"momentum\" above 0 and no \"dampening\"")
  }

  package var stateNames: [String] { momentum > 0 ? ["momentum_buffer"] : [] }

  package func update(_ chunk: UpdateChunk, _ scalars: UpdateScalars, measures: Bool) -> UpdateStatistics {
    if momentum == 0 { return GradientDescentUpdate(scalars: scalars).update(chunk, scalars, measures: measures) }
    return MomentumUpdate(momentum: momentum, dampening: dampening, isNesterov: isNesterov, scalars: scalars)
      .update(chunk, scalars, measures: measures)
  }
}
