import Configuration
import Foundation
import Kernels

/// Adam and AdamW; the formulas are at `AdamUpdate`.
package struct Adam: Optimizer {
  package let learningRate: Double
  private let betas: (Double, Double)
  private let epsilon: Double
  /// Whether weight decay applies to the parameters directly, rather than to the gradient, where it is scaled like one.
  private let isDecoupled: Bool

  /// "adam".
  init(coupled reader: SettingsReader) throws(ConfigurationError) { try self.init(from: reader, isDecoupled: false) }

  /// "adamw".
  init(decoupled reader: SettingsReader) throws(ConfigurationError) { try self.init(from: reader, isDecoupled: true) }

  private init(from reader: SettingsReader, isDecoupled: Bool) throws(ConfigurationError) {
    learningRate = try reader.learningRate(default: 1e-3)
    betas = try reader.betas(
      default: (0.9, 0.999), "decay rates of the running means of the gradient and of its square")
    epsilon = try reader.number("epsilon", default: 1e-8, in: 0...1, "added to the root of the mean square")
    self.isDecoupled = isDecoupled
  }

  package var stateNames: [String] { ["exp_avg", "exp_avg_sq"] }

  package func update(_ chunk: UpdateChunk, _ scalars: UpdateScalars, measures: Bool) -> UpdateStatistics {
    let step = Double(scalars.step)
    let corrections = (1 - pow(betas.0, step), 1 - pow(betas.1, step))
    return AdamUpdate(
      betas: betas, corrections: corrections, epsilon: epsilon, isDecoupled: isDecoupled, scalars: scalars
    ).update(chunk, scalars, measures: measures)
  }
}
