import Configuration

/// The length of the run, which is stored with it, so that the rate is the same after it resumes.
package struct ScheduleHorizon: Sendable, Equatable {
  package let totalSteps: Int
  package let stepsPerEpoch: Int

  package init(totalSteps: Int, stepsPerEpoch: Int) {
    self.totalSteps = totalSteps
    self.stepsPerEpoch = stepsPerEpoch
  }
}

/// How the learning rate changes over a run: a pure function of the step, with no state to lose.
///
/// Every schedule can begin with a linear warm-up of w steps, in which step t (from 0) has the factor (t + 1) / (w +
/// 1), as in nanoGPT: never 0, and 1 at step w. What follows starts there at 1. In PyTorch's terms a cosine with a
/// warm-up is `SequentialLR` of `LinearLR(start_factor=1/(w+1), total_iters=w)` and `CosineAnnealingLR(T_max=total-w)`,
/// so the final value is that of step `totalSteps`, one after the last.
package protocol Schedule: Sendable {
  var warmup: Warmup { get }

  /// The factor after the warm-up.
  ///
  /// - Parameters:
  ///   - step: from 0 at the run's start; at least `warmupSteps`.
  ///   - warmupSteps: where the warm-up ends.
  func mainFactor(step: Int, warmupSteps: Int, horizon: ScheduleHorizon) -> Double

  /// Checks lengths other than the warm-up's.
  func checkMain(_ horizon: ScheduleHorizon) throws(ConfigurationError)

  /// The first state of a schedule that waits for a plateau, whose factor then multiplies this one's; nil for all
  /// others.
  var initialPlateau: PlateauState? { get }
}

extension Schedule {
  package var initialPlateau: PlateauState? { nil }

  package func checkMain(_ horizon: ScheduleHorizon) throws(ConfigurationError) {}

  /// The factor on the learning rate in step `step`, counted from 0.
  package func factor(step: Int, horizon: ScheduleHorizon) -> Double {
    let warmupSteps = warmup.steps(horizon)
    guard step >= warmupSteps else { return (Double(step) + 1) / (Double(warmupSteps) + 1) }
    return mainFactor(step: step, warmupSteps: warmupSteps, horizon: horizon)
  }

  /// Refuses lengths that do not fit the run; a run of no steps fits everything.
  package func check(_ horizon: ScheduleHorizon) throws(ConfigurationError) {
    guard horizon.totalSteps > 0 else { return }
    try warmup.check(horizon)
    try checkMain(horizon)
  }

  /// How far the rest of the run after the warm-up has come at `step`: 0 to 1.
  func progress(_ step: Int, _ warmupSteps: Int, _ horizon: ScheduleHorizon) -> Double {
    let length = max(1, horizon.totalSteps - warmupSteps)
    return min(1, Double(step - warmupSteps) / Double(length))
  }
}

/// The "warmup" key of every schedule.
package struct Warmup: Sendable {
  private let duration: TrainingDuration?
  private let place: SettingsPlace?

  /// No warm-up.
  static let none = Warmup(duration: nil, place: nil)

  private init(duration: TrainingDuration?, place: SettingsPlace?) {
    self.duration = duration
    self.place = place
  }

  init(from reader: SettingsReader) throws(ConfigurationError) {
    duration = try reader.optionalDuration(
      "warmup", minimum: 0, "how long the rate rises linearly first, such as \"50 steps\"")
    place = SettingsPlace("warmup", in: reader)
  }

  /// A warm-up that must be written or takes a default.
  init(from reader: SettingsReader, default value: TrainingDuration) throws(ConfigurationError) {
    duration = try reader.duration("warmup", default: value, minimum: 0, "how long the rate rises linearly first")
    place = SettingsPlace("warmup", in: reader)
  }

  func steps(_ horizon: ScheduleHorizon) -> Int { duration?.steps(perEpoch: horizon.stepsPerEpoch) ?? 0 }

  func check(_ horizon: ScheduleHorizon) throws(ConfigurationError) {
    guard let duration, let place, steps(horizon) > horizon.totalSteps else { return }
    throw place.error(
      "\(duration) is \(steps(horizon)) steps, longer than the whole run of \(horizon.totalSteps): "
        + "shorten it or train longer; to try a few steps of a long run, use --stop-after"
    )
  }
}

extension SettingsReader {
  func finalFraction() throws(ConfigurationError) -> Double {
    try number("final_fraction", default: 0, in: 0...1, "share of the learning rate that remains at the end of the run")
  }
}
