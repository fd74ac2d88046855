import Configuration
import Data
import Foundation
import JSON
import Kernels
import Metrics
import Runs
import Synchronization
import Training

/// The time of a configuration's training steps, for `troupe benchmark`.
package struct StepTiming: Sendable {
  package let name: String
  package let precision: String
  package let lanes: Int
  /// Of every measured step, sorted.
  private let milliseconds: [Double]
  package let gflopPerStep: Double
  /// The arithmetic rate over the peak rate of the lanes' matrix products.
  package let fractionOfCeiling: Double
  package let stages: [StageTime]

  /// Steps before the measurement, which warm up caches and clocks.
  private static let warmUpSteps = 5
  private static let fewestSteps = 5

  package var median: Double { milliseconds[milliseconds.count / 2] }
  package var ninetieth: Double { milliseconds[min(milliseconds.count - 1, milliseconds.count * 9 / 10)] }

  /// Trains without a folder for `seconds`.
  package static func measure(_ json: JSON, lanes: Int, seconds: Double) async throws -> StepTiming {
    // So long that the time limit ends the run.
    let given = try RunConfiguration(json.setting("training.duration=\"1000000000 steps\""))
    let configuration = try given.resolvingMicroBatches()
    let data = try Dataset(opening: configuration.data, runSeed: configuration.seed)
    let plan = try RunPlan(configuration, data: data, lanes: lanes)
    let estimate = RunEstimate(plan, writesCheckpoints: false)
    let model = RunModel(plan)
    model.initialize()
    let stop = StopRequest()
    let times = Mutex([Double]())
    let end = ContinuousClock.now + .seconds(seconds)
    let run = TrainingRun(
      model: model, folder: nil, start: .init(state: RunState(), isResumed: false), stopRequest: stop
    ) { progress in
      guard case .step(let record, _) = progress, record.step > warmUpSteps else { return }
      let count = times.withLock {
        $0.append(record.stepMilliseconds)
        return $0.count
      }
      if ContinuousClock.now >= end, count >= fewestSteps { stop.ask(SIGINT) }
    }
    let result = try await run.run()
    if let failure = result.outcome.failure { throw RunError(failure) }
    let sorted = times.withLock { $0.sorted() }
    guard !sorted.isEmpty else { throw RunError("the benchmark made no step") }
    let gflop = estimate.flopsPerStep / 1e9
    let ceiling = Ceilings.matmulRate(
      lanes: min(lanes, plan.tree.microBatches), type: configuration.training.precision.activations)
    return StepTiming(
      name: configuration.name, precision: configuration.training.precision.rawValue, lanes: lanes,
      milliseconds: sorted, gflopPerStep: gflop,
      fractionOfCeiling: gflop / (sorted[sorted.count / 2] / 1e3) / ceiling, stages: result.stages)
  }

  package var description: String {
    let rate = gflopPerStep / (median / 1e3)
    var lines = [
      String(
        format: "%@, %@, %d lanes: %.3f ms per step (median of %d; 90%% within %.3f ms)", name, precision, lanes,
        median, milliseconds.count, ninetieth),
      String(
        format: "%.3f GFLOP per step, %.0f GFLOP/s, %.0f%% of the peak of matrix products", gflopPerStep, rate,
        100 * fractionOfCeiling),
    ]
    for stage in stages where stage.busy + stage.waiting > 0 {
      let share = 100 * stage.busy / (stage.busy + stage.waiting)
      lines.append(
        "  " + stage.name.padding(toLength: 12, withPad: " ", startingAt: 0) + String(format: "%3.0f%% busy", share))
    }
    return lines.joined(separator: "\n")
  }

  package var json: JSON {
    [
      "name": name, "precision": precision, "lanes": lanes, "median_ms": median, "p90_ms": ninetieth,
      "min_ms": milliseconds[0], "steps": milliseconds.count, "gflop_per_step": gflopPerStep,
      "fraction_of_ceiling": fractionOfCeiling,
      "stages": stages.map { stage -> JSON in
        ["name": stage.name, "busy_s": stage.busy, "waiting_s": stage.waiting]
      },
    ]
  }
}
