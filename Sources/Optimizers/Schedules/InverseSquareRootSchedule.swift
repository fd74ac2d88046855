import Configuration

/// √((w + 1) / (t + 1)) in step t after a warm-up of w steps: the schedule of "Attention Is All You Need" (Vaswani et
/// al. 2017), min(s^−½, s·W^−³ᐟ²) with s = t + 1 and W = w + 1, scaled so that its peak is 1.
package struct InverseSquareRootSchedule: Schedule, Settings {
  package let warmup: Warmup

  package init(from reader: SettingsReader) throws(ConfigurationError) { warmup = try Warmup(from: reader) }

  package func mainFactor(step: Int, warmupSteps: Int, horizon: ScheduleHorizon) -> Double {
    ((Double(warmupSteps) + 1) / (Double(step) + 1)).squareRoot()
  }
}
