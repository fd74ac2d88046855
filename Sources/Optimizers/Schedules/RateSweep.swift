import Foundation

/// Rates that grow by a constant factor a step: for finding one. For an optimizer whose own rate is 1.
///
///     η(t) = low·(high/low)^(t / (n − 1)),  t = 0…n − 1
package struct RateSweep: Schedule {
  package let warmup = Warmup.none
  package let low: Double
  package let high: Double
  package let steps: Int

  package init(from low: Double, to high: Double, steps: Int) {
    precondition(0 < low && low < high && steps > 1)
    self.low = low
    self.high = high
    self.steps = steps
  }

  package func rate(step: Int) -> Double { low * pow(high / low, Double(step) / Double(steps - 1)) }

  package func mainFactor(step: Int, warmupSteps: Int, horizon: ScheduleHorizon) -> Double { rate(step: step) }
}
