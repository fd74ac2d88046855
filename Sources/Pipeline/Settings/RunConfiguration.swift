import Architectures
import Configuration
import DataReading
import Layers
import Optimizers

/// A whole training configuration, decoded and validated.
package struct RunConfiguration: Sendable {
  package let name: String
  package let seed: UInt64
  package let data: DataSettings
  package let model: any Architecture
  package let modelKind: String
  package let loss: LossBlueprint
  package let optimizer: OptimizerSettings
  package let schedule: any Schedule
  package let clipping: Clipping
  package let training: TrainingSettings
  package let norms: NormSettings
  package let checkpoints: CheckpointSettings
  /// The configuration with every default written out; decoding it gives the same run.
  package let resolved: JSON

  /// Decodes the JSON of a configuration file, with "extends" and overrides already applied.
  package init(_ json: JSON) throws(ConfigurationError) {
    let reader = try SettingsReader(json)
    self = try Self.read(reader, modelKind: json["model"]?["type"]?.string ?? "")
    try reader.finish()
  }

  private init(
    name: String, seed: UInt64, data: DataSettings, model: any Architecture, modelKind: String, loss: LossBlueprint,
    optimizer: OptimizerSettings, schedule: any Schedule, clipping: Clipping, training: TrainingSettings,
    norms: NormSettings, checkpoints: CheckpointSettings, resolved: JSON
  ) {
    self.name = name
    self.seed = seed
    self.data = data
    self.model = model
    self.modelKind = modelKind
    self.loss = loss
    self.optimizer = optimizer
    self.schedule = schedule
    self.clipping = clipping
    self.training = training
    self.norms = norms
    self.checkpoints = checkpoints
    self.resolved = resolved
  }
}
