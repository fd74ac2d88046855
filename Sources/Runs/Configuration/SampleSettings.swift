import Configuration

/// The "samples" object: images that a diffusion model draws during training.
package struct SampleSettings: Settings {
  package let every: TrainingDuration
  package let count: Int
  /// Names or numbers of classes to draw; empty for all.
  package let classes: [String]
  /// Texts to draw; empty for all captions of the data.
  package let prompts: [String]
  package let sampler: SamplerSettings
  /// As in the configuration.
  let steps: Int?

  private static let mostImages = 1024

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    every = try reader.duration("every", default: TrainingDuration(1, .epochs), "how often samples are drawn")
    count = try reader.integer("count", default: 64, in: 1...Self.mostImages, "images in a grid")
    classes = try reader.optionalStrings("classes", "names or numbers to draw in turns; default: all classes") ?? []
    prompts = try reader.optionalStrings("prompts", "texts to draw in turns; default: the data's captions") ?? []
    var sampler = SamplerSettings()
    sampler.kind = try reader.choice("sampler", default: sampler.kind, "ddim takes some of the steps, ddpm all of them")
    steps = try reader.optionalInteger(
      "steps", in: 1...1_000_000, "of ddim: steps from noise to image (default \(SamplerSettings.defaultSteps))")
    let eta = try reader.optionalNumber("eta", in: 0...1, "of ddim: the share of fresh noise (default 0)")
    sampler.guidance = try reader.number(
      "guidance", default: 1, in: 0...SamplerSettings.largestGuidance,
      "the strength of the condition; 1 is the conditional model")
    sampler.seed = UInt64(try reader.integer("seed", default: Int(sampler.seed), in: 0...Int.max, "of the noise"))
    try reader.require(
      steps == nil || sampler.kind == .ddim, "steps", "never used with \"sampler\": \"ddpm\", which takes every step")
    try reader.require(eta == nil || sampler.kind == .ddim, "eta", "never used with \"sampler\": \"ddpm\"")
    if let steps { sampler.steps = steps }
    if let eta { sampler.eta = eta }
    self.sampler = sampler
  }
}
