import Configuration

/// Factor 1.
package struct ConstantSchedule: Schedule, Settings {
  package let warmup: Warmup

  package init(from reader: SettingsReader) throws(ConfigurationError) { warmup = try Warmup(from: reader) }

  /// "linear_warmup", of one epoch where nothing else is written.
  init(warmingUp reader: SettingsReader) throws(ConfigurationError) {
    warmup = try Warmup(from: reader, default: TrainingDuration(1, .epochs))
  }

  package func mainFactor(step: Int, warmupSteps: Int, horizon: ScheduleHorizon) -> Double { 1 }
}
