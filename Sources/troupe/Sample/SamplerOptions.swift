import ArgumentParser
import Runs

/// The way of a diffusion model from noise to images.
struct SamplerOptions: ParsableArguments {
  static let mostRows = 4096
  /// Images per pass. It affects the last bits, so it does not depend on the machine.
  static let defaultRows = 16

  @Option(help: "ddim takes some of the steps, ddpm all of them (default ddim).")
  var sampler: SamplerSettings.Kind?

  @Option(help: "Of ddim: steps from noise to image (default 50).")
  var steps: Int?

  @Option(help: "Of ddim: the share of fresh noise, from 0 to 1 (default 0).")
  var eta: Double?

  @Option(help: "The pull of the condition; 1 is the conditional model, 0 the unconditional one (default 1).")
  var guidance: Double?

  @Option(help: "Images per pass of the model; other numbers may change last bits (default 16).")
  var batch: Int?

  func validate() throws {
    try require((1...Self.mostRows).contains(batch ?? 1), "--batch \(batch ?? 0)", "1 to \(Self.mostRows)")
    try require((steps ?? 1) >= 1, "--steps \(steps ?? 0)", "at least 1")
    try require((0...1).contains(eta ?? 0), "--eta", "a share from 0 to 1")
    try require(
      (0...SamplerSettings.largestGuidance).contains(guidance ?? 1), "--guidance",
      "a number from 0 to \(SamplerSettings.largestGuidance)")
    if sampler == .ddpm {
      try refuse(
        [("--steps", steps != nil), ("--eta", eta != nil)], "with --sampler ddpm, which takes every step; use ddim")
    }
  }

  var given: [GivenOption] {
    [
      ("--sampler", sampler != nil), ("--steps", steps != nil), ("--eta", eta != nil), ("--guidance", guidance != nil),
      ("--batch", batch != nil),
    ]
  }

  var rows: Int { batch ?? Self.defaultRows }

  /// - Parameter all: steps the model was trained with.
  func settings(seed: UInt64?, of all: Int) throws -> SamplerSettings {
    if let steps, steps > all {
      throw CommandFailure("--steps \(steps): expected at most the \(all) steps that the model was trained with", 2)
    }
    var settings = SamplerSettings()
    if let sampler { settings.kind = sampler }
    if let steps { settings.steps = steps }
    if let eta { settings.eta = eta }
    if let guidance { settings.guidance = guidance }
    if let seed { settings.seed = seed }
    return settings
  }
}

extension SamplerSettings.Kind: ExpressibleByArgument {}
