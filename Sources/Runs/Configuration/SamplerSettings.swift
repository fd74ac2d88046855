import Data

/// How pictures are drawn out of noise.
package struct SamplerSettings: Sendable, Equatable {
  package enum Kind: String, CaseIterable, Sendable {
    /// Every step, each with fresh noise (Ho et al. 2020, arXiv:2006.11239).
    case ddpm
    /// Some of the steps, without fresh noise unless `eta` asks for it (Song et al. 2021, arXiv:2010.02502).
    case ddim
  }

  package var kind = Kind.ddim
  /// Of DDIM: how many of the schedule's steps are taken; nil for all.
  package var steps: Int? = Self.defaultSteps
  /// Of DDIM: the share of fresh noise, from none at 0 to as much as DDPM's at 1.
  package var eta = 0.0
  /// How far the condition pulls: u + s · (c − u) of what the model says with the condition, c, and without, u (Ho and
  /// Salimans 2022, arXiv:2207.12598, where s = 1 + w). 1 is the conditional model and 0 the unconditional one.
  package var guidance = 1.0
  package var seed: UInt64 = 1337

  package static let defaultSteps = 50
  package static let largestGuidance = 100.0

  package init() {}

  /// Steps from noise to picture.
  package func stepCount(of schedule: NoiseSchedule) -> Int {
    kind == .ddpm ? schedule.steps : min(steps ?? schedule.steps, schedule.steps)
  }
}
