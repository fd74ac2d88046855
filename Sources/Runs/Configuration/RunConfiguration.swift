import Configuration
import Data
import JSON
import Layers
import Models
import Optimizers

/// A complete training configuration, decoded and validated.
package struct RunConfiguration: Sendable {
  package let name: String
  package let seed: UInt64
  package let data: DataSettings
  package let model: any Architecture
  package let modelKind: String
  package let loss: LossBlueprint
  package let optimizerSettings: OptimizerSettings
  package private(set) var schedule: any Schedule
  package let clipping: Clipping
  package let training: TrainingSettings
  package let norms: NormSettings
  package let checkpoints: CheckpointSettings
  /// Nil if the run draws no samples.
  package let samples: SampleSettings?
  /// The configuration with every default written out; decoding it gives the same run.
  package let resolved: JSON

  package var optimizer: any Optimizer { optimizerSettings.optimizer }

  /// The same run with another learning rate schedule, which `resolved` does not contain.
  package func following(_ schedule: any Schedule) -> RunConfiguration {
    var changed = self
    changed.schedule = schedule
    return changed
  }

  /// Decodes the JSON of a configuration file, with "extends" and overrides already applied.
  package init(_ json: JSON) throws(ConfigurationError) {
    let reader = try SettingsReader(json)
    let keys = try reader.decode(RunKeys.init(from:))
    guard let data = keys.data, let model = keys.model, let loss = keys.loss, let optimizer = keys.optimizer,
      let schedule = keys.schedule, let clipping = keys.clipping
    else { preconditionFailure("a reader that decodes returns every component") }
    name = keys.name
    seed = keys.seed
    self.data = DataSettings(common: data.common, kind: data.kind, diffusion: keys.diffusion)
    self.model = model
    modelKind = json["model"]?["type"]?.string ?? ""
    self.loss = loss
    optimizerSettings = optimizer
    self.schedule = schedule
    self.clipping = clipping
    training = keys.training
    norms = keys.norms
    checkpoints = keys.checkpoints
    samples = keys.samples
    resolved = reader.resolved
  }
}

/// The top level of a configuration: one call per key serves decoding, defaults and schema.
package struct RunKeys: Settings {
  let name: String
  let seed: UInt64
  let data: DataSettings?
  let diffusion: DiffusionSettings?
  let model: (any Architecture)?
  let loss: LossBlueprint?
  let optimizer: OptimizerSettings?
  let schedule: (any Schedule)?
  let clipping: Clipping?
  let training: TrainingSettings
  let norms: NormSettings
  let checkpoints: CheckpointSettings
  let samples: SampleSettings?

  private static func bare(_ kind: String) -> JSON { .object([("type", .string(kind))]) }

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    _ = try reader.optionalString("$schema", "the JSON Schema with which editors check this file; ignored")
    name = try reader.string(
      "name", pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$", "the name of the run and of its folder in checkpoints/")
    seed = UInt64(try reader.integer("seed", default: 1, in: 0...Int.max, "of parameters, order, splits and dropout"))
    data = try reader.component("data", from: DataCatalog.catalog, "the training data")
    diffusion = try reader.optionalObject(
      "diffusion", DiffusionSettings.self, "adds noise to images, which the model learns to remove")
    model = try reader.component("model", from: architectureCatalog, "the network")
    loss = try reader.component(
      "loss", from: lossCatalog, default: Self.bare("cross_entropy"), "the function to minimize")
    optimizer = try reader.component(
      "optimizer", from: optimizerCatalog, default: Self.bare("adamw"), "the rule that updates the parameters")
    schedule = try reader.component(
      "schedule", from: scheduleCatalog, default: Self.bare("constant"), "the learning rate over the run")
    clipping = try reader.component(
      "clipping", from: clippingCatalog, default: Self.bare("none"), "the limit on gradients")
    training = try reader.object("training", TrainingSettings.self, "duration, micro-batches, precision and evaluation")
    norms = try reader.object("norms", NormSettings.self, "the log of norms and activations")
    checkpoints = try reader.object("checkpoints", CheckpointSettings.self, "which checkpoints are written and kept")
    samples = try reader.optionalObject(
      "samples", SampleSettings.self, "images that a diffusion model draws during training; none by default")
    try reader.require(
      samples == nil || diffusion != nil, "samples", "is of no use without \"diffusion\", which draws the images"
    )
    let steps = diffusion?.schedule.steps ?? Int.max
    try reader.require(
      (samples?.steps ?? 1) <= steps, "samples", "has more \"steps\" than the \(steps) of \"diffusion\"")
  }
}
