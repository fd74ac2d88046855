import Configuration
import Models
import Optimizers

/// The "training" object: duration, micro-batches, precision, evaluation and the policy for non-finite numbers.
package struct TrainingSettings: Settings {
  package let duration: TrainingDuration
  /// Equal parts of a batch; nil until `auto` is resolved for the machine that starts the run.
  package let microBatches: Int?
  package let precision: Precision
  package let nonfinite: NonfinitePolicy
  package let validateEvery: TrainingDuration
  package let earlyStopping: EarlyStoppingSettings
  package let average: AverageSettings

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    duration = try reader.duration("duration", default: TrainingDuration(10, .epochs), minimum: 0, "how long to train")
    microBatches = try reader.automaticInteger(
      "micro_batches", in: 1...4096,
      "equal parts of a batch, which the lanes run in parallel; batch norm sees one part at a time")
    precision = try reader.choice(
      "precision", default: .float32, "bfloat16: products and activations, with float32 parameters and sums")
    nonfinite = try reader.nonfinitePolicy()
    validateEvery = try reader.duration(
      "validate_every", default: TrainingDuration(1, .epochs), "how often the validation split is evaluated")
    earlyStopping = try reader.object(
      "early_stopping", EarlyStoppingSettings.self, "stop when validation no longer improves")
    average = try reader.object(
      "ema", AverageSettings.self, "a moving average of the parameters and running statistics, evaluated in their place"
    )
  }
}

/// The "early_stopping" object.
package struct EarlyStoppingSettings: Settings {
  /// Evaluations without improvement before stopping; nil never stops.
  package let patience: Int?
  package let minimumImprovement: Double

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    patience = try reader.optionalInteger(
      "patience", in: 1...1_000_000, "evaluations without improvement before stopping")
    let improvement = try reader.optionalNumber(
      "min_delta", in: 0...1e9, "the decrease of the loss that counts as an improvement; 0 if absent")
    try reader.require(patience != nil || improvement == nil, "min_delta", "never used without \"patience\"")
    minimumImprovement = improvement ?? 0
  }
}

/// The "norms" object: the log of norms and activations.
package struct NormSettings: Settings {
  package let every: TrainingDuration
  package let activationsEvery: TrainingDuration
  package let histogramsEvery: TrainingDuration?

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    every = try reader.duration(
      "every", default: TrainingDuration(1, .steps), "how often norms of every tensor are logged")
    activationsEvery = try reader.duration(
      "activations_every", default: TrainingDuration(50, .steps), "how often activations are measured")
    histogramsEvery = try reader.optionalDuration(
      "histograms_every", "how often histograms of parameters and gradients go to TensorBoard; never by default")
  }
}

/// The "checkpoints" object: which checkpoints are written and kept.
package struct CheckpointSettings: Settings {
  package enum Monitor: String, CaseIterable, Sendable {
    case loss = "validation.loss"
    case accuracy = "validation.accuracy"

    /// Whether `a` is better than `b`.
    package func isBetter(_ a: Double, than b: Double) -> Bool { self == .loss ? a < b : a > b }
  }

  package let every: TrainingDuration
  package let keepLast: Int
  package let keepBest: Int
  package let keepEvery: TrainingDuration?
  package let monitor: Monitor

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    every = try reader.duration("every", default: TrainingDuration(1, .epochs), "how often a checkpoint is written")
    keepLast = try reader.integer("keep_last", default: 2, in: 2...10_000, "newest checkpoints kept")
    keepBest = try reader.integer("keep_best", default: 1, in: 0...10_000, "best checkpoints kept besides the newest")
    keepEvery = try reader.optionalDuration("keep_every", "checkpoints at multiples of this are kept forever")
    monitor = try reader.choice("monitor", default: .loss, "the measure of the best checkpoints")
  }
}
