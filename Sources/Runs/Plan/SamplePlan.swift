import Data
import Foundation

/// The images that a run draws during training, each time with the same conditions and noise.
package struct SamplePlan: Sendable {
  package let settings: SampleSettings
  package let requests: [GenerationRequest]
  package let none: [Int32]?
  package let diffusion: DiffusionSettings

  /// - Returns: nil if the run draws nothing.
  package init?(_ configuration: RunConfiguration, _ data: Dataset) throws(RunError) {
    guard let settings = configuration.samples, let diffusion = configuration.data.diffusion else { return nil }
    let vocabulary = try ConditionVocabulary(
      diffusion, data.fields, source: data.source.fields, data.tokenizer, of: data.name)
    guard data.fields.contains(where: { $0.name == SampleField.input && $0.isImage }) else {
      throw RunError(.configuration, "samples: images of \(data.name) cannot be drawn; they need 1 or 3 channels")
    }
    try vocabulary.checkGuidance(settings.sampler.guidance, from: .configuration)
    requests = try vocabulary.requests(
      classes: settings.classes, prompts: settings.prompts, from: .configuration)
    none = vocabulary.none
    self.settings = settings
    self.diffusion = diffusion
  }
}
