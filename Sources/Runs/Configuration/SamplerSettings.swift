import Data

/// The settings with which images are drawn from noise.
package struct SamplerSettings: Sendable, Equatable {
  package enum Kind: String, CaseIterable, Sendable {
    /// Every step, each with fresh noise (Ho et al. 2020, arXiv:2006.11239).
    case ddpm
    /// Some of the steps, without fresh noise unless `eta` asks for it (Song et al. 2021, arXiv:2010.02502).
    case ddim
  }

  package var kind = Kind.ddim
  /// Of DDIM: the number of steps taken; nil for all of the schedule.
  package var steps: Int? = Self.defaultSteps
  /// Of DDIM: the share of fresh noise; 1 is that of DDPM.
  package var eta = 0.0
  /// The scale s of u + s · (c − u), with the conditional prediction c and the unconditional one u (Ho and Salimans
  /// 2022, arXiv:2207.12598, where s = 1 + w).
  package var guidance = 1.0
  package var seed: UInt64 = 1337

  package static let defaultSteps = 50
  package static let largestGuidance = 100.0

  package init() {}

  /// Steps from noise to image.
  package func stepCount(of schedule: NoiseSchedule) -> Int {
    kind == .ddpm ? schedule.steps : min(steps ?? schedule.steps, schedule.steps)
  }
}
