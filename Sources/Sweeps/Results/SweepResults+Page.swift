import Foundation
import JSON
import Metrics
import Reports

// What the page about a sweep draws.
extension SweepResults {
  /// Curves of all trials together have so many points at most, and those of one so many.
  private static let curveBudget = 12_000
  private static let curveBuckets = 150

  func writePage(to file: URL) throws {
    let data = page(importance: importance) { trial, buckets in
      // A run folder that has gone takes its curves with it, and nothing else.
      (try? RunLog.read(folder: folder.trial(trial.id))).map { TrialRecords($0, buckets: buckets) }
    }
    try ReportPage.write(sweep: data, to: file)
  }

  /// The parameters' shares of the variance over the points that ran to their end.
  package var importance: ParameterImportance? {
    ParameterImportance(
      definition.space, ranking.map { (state.points[$0.point].assignment, $0.value) })
  }

  /// What `sweep.js` draws.
  ///
  /// - Parameter records: what there is of a trial's records, with curves of so many buckets.
  func page(
    importance: ParameterImportance?, _ records: (_ trial: TrialState, _ buckets: Int) -> TrialRecords?
  ) -> JSON {
    let metric = definition.metric
    let second = definition.settings.secondMetric ?? MetricSettings(name: "seconds", goal: .minimize)
    let buckets = min(Self.curveBuckets, max(20, Self.curveBudget / max(1, trials.count)))
    let ranks = Dictionary(uniqueKeysWithValues: ranking.enumerated().map { ($1.point, $0) })
    var members: [(String, JSON)] = [
      ("name", .string(definition.name)), ("method", .string(definition.settings.method.rawValue)),
      ("rule", .string(definition.identity["early_terminate"]?["type"]?.string ?? "")),
      ("metric", Self.json(of: metric)), ("second", Self.json(of: second)),
      ("metric_names", .array(state.reportedMetrics.map { .string($0) })),
      ("seeds", .array(definition.seeds.map { .integer($0) })),
      ("rungs", .array(definition.rungs.durations.map { .string($0?.description ?? "whole") })),
      ("trial_count", .integer(trials.count)), ("finished", .integer(finishedCount)), ("failed", .integer(failedCount)),
      ("steps", .integer(stepCount)), ("seconds", .number(state.elapsed)),
      ("trial_seconds", .number(trials.reduce(0) { $0 + $1.seconds })),
      (
        "parameters", .array(definition.space.parameters.map { Self.json(of: $0.parameter, $0.path, definition.space) })
      ),
    ]
    if let importance {
      members.append(
        (
          "importance",
          .array(importance.shares.map { .object([("path", .string($0.path)), ("share", Self.short($0.share))]) })
        ))
      members.append(("interactions", Self.short(importance.interactions)))
    }
    members.append(
      (
        "points",
        .array(
          order.map { number in
            let point = state.points[number]
            let trials = point.trials.map { json(of: $0, records($0, buckets)) }
            return json(of: point, rank: ranks[number], trials: trials)
          })
      ))
    return .object(members)
  }

  private static func json(of metric: MetricSettings) -> JSON {
    .object([("name", .string(metric.name)), ("goal", .string(metric.goal.rawValue))])
  }

  private static func json(of parameter: SearchParameter, _ path: String, _ space: SearchSpace) -> JSON {
    let last = String(path.split(separator: ".").last ?? "")
    let isUnique = space.parameters.count { $0.path.split(separator: ".").last.map(String.init) == last } == 1
    var members: [(String, JSON)] = [("path", .string(path)), ("short", .string(isUnique ? last : path))]
    switch parameter.domain {
    case .values(let values): members.append(("choices", .array(values.map { .string(text(of: $0)) })))
    case .numbers(let low, let high, let isLogarithmic, _):
      members += [("min", .number(low)), ("max", .number(high)), ("log", .boolean(isLogarithmic))]
    }
    return .object(members)
  }

  private static func text(of value: JSON) -> String { value.string ?? value.compactText }

  private func json(of point: PointState, rank: Int?, trials: [JSON]) -> JSON {
    let values = definition.space.parameters.map { entry in point.assignment.first { $0.path == entry.path }?.value }
    let statistics = statistics(point, of: definition.metric.name)
    let means = state.reportedMetrics.compactMap { name in
      self.statistics(point, of: name).map { (name, Self.short($0.mean)) }
    }
    let texts = values.map { value -> JSON in value.map { .string(Self.text(of: $0)) } ?? .null }
    let numbers = values.map { value -> JSON in value?.double.map { .number($0) } ?? .null }
    let rung = judgedRung(point).map { definition.rungs.durations[$0]?.description ?? "whole" }
    let reason = point.refusal ?? point.stopReason
    var members: [(String, JSON)] = [("rank", rank.map { .integer($0) } ?? .null), ("state", .string(status(point)))]
    members += [("texts", .array(texts)), ("values", .array(numbers)), ("metrics", .object(means))]
    members.append(("mean", statistics.map { Self.short($0.mean) } ?? .null))
    members.append(("deviation", statistics?.deviation.map { Self.short($0) } ?? .null))
    members.append(("rung", rung.map { .string($0) } ?? .null))
    members.append(("reason", reason.map { .string($0) } ?? .null))
    members.append(("trials", .array(trials)))
    return .object(members)
  }

  private func json(of trial: TrialState, _ records: TrialRecords?) -> JSON {
    let result = trial.lastResult
    let flow = records?.flow
    var members: [(String, JSON)] = [
      ("id", .string(trial.id)), ("seed", .integer(trial.seed)), ("state", .string(trial.status)),
      ("step", .integer(result?.step ?? records?.lastStep ?? 0)), ("seconds", Self.short(trial.seconds)),
      ("value", result?.value(of: definition.metric.name).map { Self.short($0) } ?? .null),
      ("reason", trial.failures.last?.reason.map { .string($0) } ?? .null),
      ("flow", (flow?.verdict.rawValue ?? result?.gradientFlow).map { .string($0) } ?? .null),
      ("sentence", flow.map { .string($0.sentence) } ?? .null),
    ]
    if let start = records?.startFlow {
      members += [("start_flow", .string(start.verdict.rawValue)), ("start_sentence", .string(start.sentence))]
    }
    if let records {
      members += [("training", Self.json(of: records.training)), ("validation", Self.json(of: records.validation))]
    }
    return .object(members)
  }

  private static func json(of curve: Curve) -> JSON {
    .object([("x", .array(curve.x.map { .number($0) })), ("y", .array(curve.y.map(short)))])
  }

  /// Six digits are more than a chart can show; what is not finite is null.
  private static func short(_ value: Double) -> JSON {
    guard value.isFinite else { return .null }
    return .number(Double(String(format: "%.6g", value)) ?? value)
  }
}
