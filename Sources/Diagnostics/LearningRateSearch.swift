import Configuration
import Data
import Foundation
import JSON
import Metrics
import Optimizers
import Reports
import Runs
import Synchronization
import Training

/// Finds a learning rate for a configuration by training a little with a rate that grows per step.
///
/// The training leaves no run folder and no checkpoint.
package struct LearningRateSearch: Sendable {
  package let name: String
  package let curve: RateCurve
  package let configuredRate: Double

  /// Rates as far apart as fastai's; the run ends when it diverges.
  private static let lowest = 1e-7
  private static let highest = 10.0
  private static let steps = 200

  /// - Parameters:
  ///   - json: the configuration with "extends" and overrides applied.
  ///   - initialParameters: a checkpoint or safetensors file to start from.
  ///   - stop: ends the search early, with the results so far.
  ///   - say: receives messages about the data.
  ///   - progress: receives every step.
  package static func run(
    _ json: JSON, initialParameters: String?, lanes: Int, stop: StopRequest,
    say: (String) -> Void = { _ in }, progress: @escaping @Sendable (RunProgress) -> Void
  ) async throws -> LearningRateSearch {
    let original = try RunConfiguration(json)
    // Without an evaluation on the way; the sweep is measured against a rate of 1.
    var settings = original.resolved
    let end = "\"\(steps + 1) steps\""
    for assignment in [
      "training.duration=\(end)", "training.validate_every=\(end)", "training.early_stopping={}",
      #"schedule={"type": "constant"}"#, "optimizer.learning_rate=1",
    ] {
      settings = try settings.setting(assignment)
    }
    let sweep = RateSweep(from: lowest, to: highest, steps: steps)
    let configuration = try RunConfiguration(settings).resolvingMicroBatches().following(sweep)
    let data = try configuration.openData(say: say)
    let plan = try RunPlan(configuration, data: data, lanes: lanes)
    try plan.checkFields()
    try RunEstimate(plan, writesCheckpoints: false).checkMemory()
    let model = RunModel(plan)
    model.initialize()
    if let initialParameters { try model.load(parametersFrom: URL(fileURLWithPath: initialParameters)) }
    let found = Mutex((points: [RateCurve.Point](), watch: DivergenceWatch(), end: RateCurve.Ending.complete))
    stop.stop(afterStep: steps)
    let run = TrainingRun(
      model: model, folder: nil, start: .init(state: RunState(), isResumed: false), stopRequest: stop
    ) { message in
      guard case .step(let record, _) = message else { return }
      progress(message)
      let isOver = found.withLock { found in
        guard found.end == .complete else { return true }
        let (rate, loss) = (sweep.rate(step: record.step - 1), Double(record.loss))
        guard !found.watch.diverges(after: loss) else {
          found.end = .diverged(rate: rate)
          return true
        }
        found.points.append(RateCurve.Point(rate: rate, loss: loss))
        return false
      }
      if isOver { stop.stop(afterStep: 0) }
    }
    let result = try await run.run()
    if case .failed(let reason) = result.outcome { throw RunError(reason) }
    var (points, ending) = found.withLock { ($0.points, $0.end) }
    if case .diverged = result.outcome, ending == .complete {
      ending = .diverged(rate: sweep.rate(step: result.state.step))
    }
    guard points.count > 1 else {
      let reason = result.outcome.failure ?? "the search was stopped after \(points.count) steps"
      throw RunError("no learning rate was found: \(reason)")
    }
    return LearningRateSearch(
      name: configuration.name, curve: RateCurve(points, ending: ending),
      configuredRate: original.optimizer.learningRate)
  }

  /// The findings, one per line.
  package var lines: [String] {
    let smoothed = curve.smoothed
    var lines = [
      // Losses above the first one are drawn as high as it.
      "loss        \(Sparkline.text(smoothed, width: Self.curveWidth, to: smoothed.first))",
      String(
        format: "rates       %.3g to %.3g in %d steps", curve.points.first?.rate ?? 0, curve.points.last?.rate ?? 0,
        curve.points.count),
    ]
    if case .diverged(let rate) = curve.ending { lines.append(String(format: "diverges    at %.3g", rate)) }
    if let lowest = curve.lowest {
      lines.append(String(format: "lowest      %.4g at %.3g", smoothed[lowest], curve.points[lowest].rate))
    }
    if let rate = curve.suggested {
      lines.append(
        String(
          format: "suggested   %.2g, where the loss falls fastest (the configuration has %.3g): --set "
            + "optimizer.learning_rate=%.2g", rate, configuredRate, rate))
    } else {
      lines.append("suggested   none: the loss falls at no rate; check the data, the initialization and the depth")
    }
    return lines
  }

  private static let curveWidth = 60

  package var json: JSON {
    var diverged: Double?
    if case .diverged(let rate) = curve.ending { diverged = rate }
    return [
      "name": name, "suggested": curve.suggested, "lowest_loss_at": curve.lowest.map { curve.points[$0].rate },
      "diverged_at": diverged, "configured": configuredRate, "steps": curve.points.count,
      "rates": curve.points.map(\.rate), "losses": curve.points.map(\.loss), "smoothed": curve.smoothed,
    ]
  }
}
