import Configuration
import Kernels

/// Lion; the formulas are at `LionUpdate`.
package struct Lion: Optimizer, Settings {
  package let learningRate: Double
  private let betas: (Double, Double)

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    learningRate = try reader.learningRate(default: 1e-4)
    betas = try reader.betas(default: (0.9, 0.99), "weights of the running mean: in the step, and in the mean itself")
  }

  package var stateNames: [String] { ["exp_avg"] }

  package func update(_ chunk: UpdateChunk, _ scalars: UpdateScalars, measures: Bool) -> UpdateStatistics {
    LionUpdate(betas: betas, scalars: scalars).update(chunk, scalars, measures: measures)
  }
}
