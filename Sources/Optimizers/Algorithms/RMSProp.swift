import Configuration
import Kernels

/// RMSprop; the formulas are at `RMSPropUpdate`.
package struct RMSProp: Optimizer, Settings {
  package let learningRate: Double
  private let alpha: Double
  private let epsilon: Double
  private let momentum: Double
  private let isCentered: Bool

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    learningRate = try reader.learningRate(default: 1e-2)
    alpha = try reader.number(
      "alpha", default: 0.99, in: 0...1, "decay rate of the running mean of the squared gradient")
    epsilon = try reader.number("epsilon", default: 1e-8, in: 0...1, "added to the root of the mean square")
    momentum = try reader.number("momentum", default: 0, in: 0...1, "share of the last step's direction that is kept")
    isCentered = try reader.boolean("centered", default: false, "divide by the running deviation instead (Graves 2013)")
    try reader.require(alpha < 1, "alpha", "1 never learns: expected below 1")
    try reader.require(momentum < 1, "momentum", "1 never forgets: expected below 1")
  }

  package var stateNames: [String] {
    ["square_avg"] + (momentum > 0 ? ["momentum_buffer"] : []) + (isCentered ? ["grad_avg"] : [])
  }

  package func update(_ chunk: UpdateChunk, _ scalars: UpdateScalars, measures: Bool) -> UpdateStatistics {
    RMSPropKernel.update(
      chunk, scalars, alpha: alpha, epsilon: epsilon, momentum: momentum, isCentered: isCentered, measures: measures)
  }
}
