import Configuration

/// Cosines that each start at 1 again; the first lasts `period`, every further one `multiplier` times the one before
/// it. Times count from the end of the warm-up. PyTorch's `CosineAnnealingWarmRestarts`.
package struct WarmRestartsSchedule: Schedule, Settings {
  package let warmup: Warmup
  private let period: TrainingDuration
  private let multiplier: Int
  private let finalFraction: Double

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    warmup = try Warmup(from: reader)
    period = try reader.duration("period", default: TrainingDuration(10, .epochs), "how long the first cosine lasts")
    multiplier = try reader.integer(
      "multiplier", default: 1, in: 1...1000, "how much longer each cosine is than the last")
    finalFraction = try reader.number(
      "final_fraction", default: 0, in: 0...1, "share of the learning rate that remains at the end of a cosine")
  }

  package func mainFactor(step: Int, warmupSteps: Int, horizon: ScheduleHorizon) -> Double {
    var position = step - warmupSteps
    var length = max(1, period.steps(perEpoch: horizon.stepsPerEpoch))
    if multiplier == 1 { position %= length }
    while position >= length {
      position -= length
      let (longer, overflow) = length.multipliedReportingOverflow(by: multiplier)
      length = overflow ? Int.max : longer
    }
    return CosineSchedule.factor(Double(position) / Double(length), to: finalFraction)
  }
}
