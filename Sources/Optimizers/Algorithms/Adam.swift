import Configuration
import Foundation
import Kernels

/// Adam and AdamW; the formulas are at `AdamUpdate`.
package struct Adam: Optimizer {
  package enum Decay: Sendable {
    /// Added to the gradient, so that it is scaled like one (L2 regularisation).
    case coupled
    /// Applied to the parameters directly.
    case decoupled
  }

  package let learningRate: Double
  private let betas: (Double, Double)
  private let epsilon: Double
  private let decay: Decay

  init(from reader: SettingsReader, decay: Decay) throws(ConfigurationError) {
    learningRate = try reader.learningRate(default: 1e-3)
    betas = try reader.betas(
      default: (0.9, 0.999), "decay rates of the running means of the gradient and of its square")
    epsilon = try reader.number("epsilon", default: 1e-8, in: 0...1, "added to the root of the mean square")
    self.decay = decay
  }

  package var stateNames: [String] { ["exp_avg", "exp_avg_sq"] }

  package func update(_ chunk: UpdateChunk, _ scalars: UpdateScalars, measures: Bool) -> UpdateStatistics {
    let step = Double(scalars.step)
    let corrections = (1 - pow(betas.0, step), 1 - pow(betas.1, step))
    return AdamUpdate(
      betas: betas, corrections: corrections, epsilon: epsilon, isDecoupled: decay == .decoupled, scalars: scalars
    ).update(chunk, scalars, measures: measures)
  }
}
