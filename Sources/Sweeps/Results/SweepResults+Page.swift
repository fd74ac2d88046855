import Foundation
import JSON
import Metrics
import Reports

// The data of the page about a sweep.
extension SweepResults {
  /// The most points in the curves of all trials together.
  private static let curveBudget = 12_000
  /// The most stretches in the curves of one trial.
  private static let curveBuckets = 150

  func writePage(to file: URL) throws {
    let data = page(importance: importance) { trial, buckets in
      // Without its run folder, a trial lacks its curves only.
      (try? RunLog.read(folder: folder.trial(trial.id))).map { TrialRecords($0, buckets: buckets) }
    }
    try ReportPage.write(sweep: data, to: file)
  }

  /// The parameters' shares of the variance over the finished points.
  package var importance: ParameterImportance? {
    ParameterImportance(
      definition.space, ranking.map { (state.points[$0.point].assignment, $0.value) })
  }

  /// The data of `sweep.js`.
  ///
  /// - Parameter records: a trial's records, with curves of at most `buckets` stretches; nil without records.
  func page(
    importance: ParameterImportance?, _ records: (_ trial: TrialState, _ buckets: Int) -> TrialRecords?
  ) -> JSON {
    let second = definition.settings.secondMetric ?? MetricSettings(name: "seconds", goal: .minimize)
    let buckets = min(Self.curveBuckets, max(20, Self.curveBudget / max(1, trials.count)))
    let ranks = Dictionary(uniqueKeysWithValues: ranking.enumerated().map { ($1.point, $0) })
    let points = order.map { number -> JSON in
      let point = state.points[number]
      let trials = point.trials.map { json(of: $0, records($0, buckets)) }
      return json(of: point, rank: ranks[number], trials: trials)
    }
    return .joining(
      [
        "name": definition.name, "method": definition.settings.method.rawValue,
        "rule": definition.identity["early_terminate"]?["type"]?.string ?? "",
        "metric": Self.json(of: definition.metric), "second": Self.json(of: second),
        "metric_names": state.reportedMetrics, "seeds": definition.seeds,
        "rungs": definition.rungs.names,
      ], counts,
      ["parameters": definition.space.parameters.map { Self.json(of: $0.parameter, $0.path, definition.space) }],
      importance.map(Self.json(of:)) ?? [:], ["points": points])
  }

  private static func json(of importance: ParameterImportance) -> JSON {
    let shares = importance.shares.map { ["path": $0.path, "share": short($0.share)] as JSON }
    return ["importance": shares, "interactions": short(importance.interactions)]
  }

  private static func json(of metric: MetricSettings) -> JSON { ["name": metric.name, "goal": metric.goal.rawValue] }

  private static func json(of parameter: SearchParameter, _ path: String, _ space: SearchSpace) -> JSON {
    let last = String(path.split(separator: ".").last ?? "")
    let isUnique = space.parameters.count { $0.path.split(separator: ".").last.map(String.init) == last } == 1
    let domain: JSON =
      switch parameter.domain {
      case .values(let values): ["choices": values.map(\.plainText)]
      case .numbers(let low, let high, let isLogarithmic, _): ["min": low, "max": high, "log": isLogarithmic]
      }
    return .joining(["path": path, "short": isUnique ? last : path], domain)
  }

  private func json(of point: PointState, rank: Int?, trials: [JSON]) -> JSON {
    let values = definition.space.parameters.map { entry in point.assignment.first { $0.path == entry.path }?.value }
    let statistics = statistics(point, of: definition.metric.name)
    let means = state.reportedMetrics.compactMap { name in
      self.statistics(point, of: name).map { (name, Self.short($0.mean)) }
    }
    return [
      "rank": rank, "state": status(point), "texts": values.map { $0?.plainText },
      "values": values.map { $0?.double }, "metrics": JSON.object(means), "mean": Self.short(statistics?.mean),
      "deviation": Self.short(statistics?.deviation), "rung": judgedRung(point).map { definition.rungs.names[$0] },
      "reason": point.refusal ?? point.stopReason, "trials": trials,
    ]
  }

  private func json(of trial: TrialState, _ records: TrialRecords?) -> JSON {
    let result = trial.lastResult
    let flow = records?.flow
    let start: JSON? = records?.startFlow.map { ["start_flow": $0.verdict, "start_sentence": $0.sentence] }
    return .joining(
      [
        "id": trial.id, "seed": trial.seed, "state": trial.status, "step": result?.step ?? records?.lastStep ?? 0,
        "seconds": Self.short(trial.seconds), "value": Self.short(result?.value(of: definition.metric.name)),
        "reason": trial.failures.last?.reason, "flow": flow?.verdict.rawValue ?? result?.gradientFlow,
        "sentence": flow?.sentence,
      ], start ?? [:], records.map { ["training": $0.training.json, "validation": $0.validation.json] } ?? [:])
  }

  /// Six digits are more than a chart can show.
  private static func short(_ value: Double?) -> JSON { .finite(value, digits: 6) }
}
