import Configuration

/// Constant, and in the last stretch of the run down to the final fraction f (warm-up, stable, decay).
///
/// With p the share of the stretch that is done: linear f + (1 − f)·(1 − p), or with 1 − √p in place of 1 − p (Hägele
/// et al. 2024), or a cosine.
package struct StableDecaySchedule: Schedule, Settings {
  private enum Shape: String, CaseIterable {
    case linear, cosine
    case root = "one_minus_sqrt"
  }

  package let warmup: Warmup
  private let decay: TrainingDuration?
  private let shape: Shape
  private let finalFraction: Double
  private let place: SettingsPlace

  /// The run's share that decays where nothing is written.
  private static let usualShare = 5

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    warmup = try Warmup(from: reader)
    decay = try reader.optionalDuration("decay", "how long the decay at the end lasts; a fifth of the run if absent")
    shape = try reader.choice("decay_shape", default: .linear, "the form of the decay")
    finalFraction = try reader.finalFraction()
    place = SettingsPlace("decay", in: reader)
  }

  private func decaySteps(_ horizon: ScheduleHorizon) -> Int {
    decay?.steps(perEpoch: horizon.stepsPerEpoch) ?? (horizon.totalSteps / Self.usualShare)
  }

  package func checkMain(_ horizon: ScheduleHorizon) throws(ConfigurationError) {
    guard let decay, decaySteps(horizon) > horizon.totalSteps - warmup.steps(horizon) else { return }
    throw place.error(
      "\(decay) is \(decaySteps(horizon)) steps, but only \(horizon.totalSteps - warmup.steps(horizon)) of the run's "
        + "\(horizon.totalSteps) follow the warm-up: shorten it or train longer")
  }

  package func mainFactor(step: Int, warmupSteps: Int, horizon: ScheduleHorizon) -> Double {
    let length = min(decaySteps(horizon), horizon.totalSteps - warmupSteps)
    let done = step - (horizon.totalSteps - length)
    guard length > 0, done > 0 else { return 1 }
    let progress = min(1, Double(done) / Double(length))
    return switch shape {
    case .linear: finalFraction + (1 - finalFraction) * (1 - progress)
    case .cosine: CosineSchedule.factor(progress, to: finalFraction)
    case .root: finalFraction + (1 - finalFraction) * (1 - progress.squareRoot())
    }
  }
}
