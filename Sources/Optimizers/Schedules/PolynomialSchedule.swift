import Configuration
import Foundation

/// f + (1 − f)·(1 − p)ᵏ, with p the share of the run after the warm-up that is done, f the final fraction and k the
/// power.
package struct PolynomialSchedule: Schedule, Settings {
  package let warmup: Warmup
  private let finalFraction: Double
  private let power: Double

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    warmup = try Warmup(from: reader)
    finalFraction = try reader.finalFraction()
    power = try reader.number("power", default: 1, in: 0...100, above: true, "the exponent; 1 is a straight line")
  }

  /// "linear".
  init(linear reader: SettingsReader) throws(ConfigurationError) {
    warmup = try Warmup(from: reader)
    finalFraction = try reader.finalFraction()
    power = 1
  }

  package func mainFactor(step: Int, warmupSteps: Int, horizon: ScheduleHorizon) -> Double {
    let left = 1 - progress(step, warmupSteps, horizon)
    return finalFraction + (1 - finalFraction) * (power == 1 ? left : pow(left, power))
  }
}
