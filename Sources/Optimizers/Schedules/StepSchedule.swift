import Configuration
import Foundation

/// gammaⁿ, with n the number of times that have passed; times count from the start of the run, warm-up included.
package struct StepSchedule: Schedule, Settings {
  package let warmup: Warmup
  private let gamma: Double
  private let every: TrainingDuration
  private let milestones: [TrainingDuration]?

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    warmup = try Warmup(from: reader)
    gamma = try reader.number("gamma", default: 0.1, in: 0...1, above: true, "what the rate is multiplied by each time")
    let every = try reader.optionalDuration("every", "the time between two; \"30 epochs\" if neither is written")
    milestones = try reader.optionalDurations(
      "milestones", "the times themselves, such as [\"30 epochs\", \"60 epochs\"]")
    try reader.require(every == nil || milestones == nil, "every", "is written beside \"milestones\": keep one of them")
    self.every = every ?? TrainingDuration(30, .epochs)
  }

  package func mainFactor(step: Int, warmupSteps: Int, horizon: ScheduleHorizon) -> Double {
    let passed =
      if let milestones {
        milestones.count { $0.steps(perEpoch: horizon.stepsPerEpoch) <= step }
      } else {
        step / max(1, every.steps(perEpoch: horizon.stepsPerEpoch))
      }
    return pow(gamma, Double(passed))
  }
}
