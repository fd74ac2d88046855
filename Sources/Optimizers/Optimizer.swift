import Configuration
import Kernels

/// The rule by which parameters follow from their gradients.
///
/// An optimizer holds settings only; its states lie in flat arenas, laid out like the parameters and zero
/// at first. Updates are in place, allocate nothing, and treat every element alone, so the bits do not depend on how
/// tensors are cut into chunks; only the partial sums of the statistics do.
package protocol Optimizer: Sendable {
  /// The base rate, which the schedule and parameter groups multiply.
  var learningRate: Double { get }

  /// The names of the states per parameter, in the order of `UpdateChunk`'s and as PyTorch names them.
  var stateNames: [String] { get }

  /// Clips, updates, rounds to the bf16 weights and averages in one pass.
  ///
  /// - Parameters:
  ///   - chunk: with all of `stateNames` set; none of a frozen tensor.
  ///   - measures: whether to return statistics; without, they are zero and cost nothing.
  func update(_ chunk: UpdateChunk, _ scalars: UpdateScalars, measures: Bool) -> UpdateStatistics
}

extension Optimizer {
  package func update(_ chunk: UpdateChunk, _ scalars: UpdateScalars) -> UpdateStatistics {
    update(chunk, scalars, measures: true)
  }
}

extension SettingsReader {
  /// - Parameter value: PyTorch's default for the optimizer.
  func learningRate(default value: Double) throws(ConfigurationError) -> Double {
    try number("learning_rate", default: value, in: 0...1e6, "the base rate, which the schedule multiplies")
  }

  /// Two decay rates of running means, each at least 0 and below 1.
  func betas(default value: (Double, Double), _ documentation: String) throws(ConfigurationError) -> (Double, Double) {
    let betas = try numbers("betas", default: [value.0, value.1], in: 0...1, documentation)
    try require(betas.allSatisfy { $0 < 1 }, "betas", "\(betas) is out of range: each must be below 1")
    return (betas[0], betas[1])
  }
}
