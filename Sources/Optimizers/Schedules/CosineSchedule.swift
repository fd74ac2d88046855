import Configuration
import Foundation

/// f + (1 − f)·(1 + cos(π·p)) / 2, with p the share of the run after the warm-up that is done and f the final fraction.
package struct CosineSchedule: Schedule, Settings {
  package let warmup: Warmup
  private let finalFraction: Double

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    warmup = try Warmup(from: reader)
    finalFraction = try reader.finalFraction()
  }

  package func mainFactor(step: Int, warmupSteps: Int, horizon: ScheduleHorizon) -> Double {
    Self.factor(progress(step, warmupSteps, horizon), to: finalFraction)
  }

  static func factor(_ progress: Double, to final: Double) -> Double {
    final + (1 - final) * 0.5 * (1 + cos(Double.pi * progress))
  }
}
