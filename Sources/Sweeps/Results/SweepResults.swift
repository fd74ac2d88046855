import Configuration
import Files
import Foundation
import JSON
import Reports
import Runs

/// The results of a sweep so far.
package struct SweepResults: Sendable {
  package let definition: SweepDefinition
  package let state: SweepState
  package let folder: SweepFolder
  /// Points in the order of the table: finished points first, the best above; then the others by rung and cost.
  package let order: [Int]
  /// The finished points, the best first.
  package let ranking: [(point: Int, value: Double)]

  package static let tableName = "trials.csv"

  package init(_ definition: SweepDefinition, _ state: SweepState, folder: SweepFolder) {
    self.definition = definition
    self.state = state
    self.folder = folder
    let metric = definition.metric
    let ranking = state.ranking(metric, rungCount: definition.rungs.count)
    self.ranking = ranking
    let ranked = ranking.map(\.point)
    let others = state.points.indices.filter { !ranked.contains($0) }.map { number in
      let point = state.points[number]
      let rung = (0...point.rung).last { rung in point.trials.contains { $0.result(at: rung) != nil } }
      let value = rung.flatMap { point.statistics(of: metric.name, at: $0)?.mean }
      return (number, point.hasFailed, rung ?? -1, value.map { $0.isFinite ? metric.cost($0) : .infinity } ?? .infinity)
    }
    order =
      ranked + others.sorted { ($0.1 ? 1 : 0, -$0.2, $0.3, $0.0) < ($1.1 ? 1 : 0, -$1.2, $1.3, $1.0) }.map(\.0)
  }

  /// Reads a sweep's folder without writing to it.
  package init(reading folder: SweepFolder) throws {
    guard folder.holdsSweep else {
      throw RunError(
        .configuration, "\(folder.url.relativePath): expected the folder of a sweep (\(Journal.name) is missing)")
    }
    let definition = try SweepDefinition(file: folder.definition.path)
    self.init(definition, try folder.read(definition), folder: folder)
  }

  package func write(page: String? = nil, table: String? = nil) throws {
    let table = table.map { URL(fileURLWithPath: $0) } ?? folder.url.appending(path: Self.tableName)
    try folder.write(csv, to: table, replacing: OwnFile("table", beginningWith: "rank,point,trial,seed,state,"))
    try writePage(to: page.map { URL(fileURLWithPath: $0) } ?? folder.url.appending(path: Report.fileName))
  }

  // MARK: Counts

  package var trials: [TrialState] { state.points.flatMap(\.trials) }
  package var failedCount: Int {
    trials.count { $0.hasFailed } + state.points.count { $0.refusal != nil } * definition.seeds.count
  }
  package var finishedCount: Int { trials.count { $0.isFinished } }

  /// Trials that were begun, or whose points were, and that another session would continue.
  package var unfinishedCount: Int {
    state.points.filter { $0.refusal == nil && $0.stopReason == nil }.flatMap(\.trials)
      .count { !$0.isFinished && !$0.hasFailed }
  }
  /// The most points that have not been begun.
  package var untriedCount: Int { max(0, (definition.pointCount ?? 0) - state.points.count) }

  /// A line on what a sweep that ended early did not train; nil where nothing is left out.
  package func leftOut(by end: SweepEnd) -> String? {
    guard end != .complete, unfinishedCount > 0 || untriedCount > 0 else { return nil }
    let advice = end == .timeCap ? "raise time_cap" : "drop the target"
    return "\(end.rawValue): \(unfinishedCount) of these trials are unfinished, and "
      + "\(untriedCount == 1 ? "1 point was" : "\(untriedCount) points were") not begun; \(advice) and continue with --resume"
  }

  package var firstFailure: String? {
    for point in state.points {
      if let refusal = point.refusal { return refusal }
      for trial in point.trials where trial.hasFailed {
        return "trial \(trial.id) (\(text(of: point.assignment))): "
          + (trial.failures.last?.reason ?? trial.failures.last?.state.rawValue ?? "no reason given")
      }
    }
    return nil
  }

  /// Steps of all trials together.
  package var stepCount: Int { trials.reduce(0) { $0 + $1.lastStep } }

  // MARK: Points

  /// The highest rung at which all seeds of a point have a result.
  package func judgedRung(_ point: PointState) -> Int? {
    (0..<definition.rungs.count).last { rung in
      !point.trials.isEmpty && point.trials.allSatisfy { $0.result(at: rung) != nil }
    }
  }

  package func statistics(
    _ point: PointState, of metric: String
  ) -> (mean: Double, deviation: Double?, count: Int)? {
    (0..<definition.rungs.count).reversed().lazy.compactMap { point.statistics(of: metric, at: $0) }.first
  }

  package func status(_ point: PointState) -> String {
    if point.refusal != nil { return "refused" }
    if point.trials.contains(where: { $0.claim != nil }) { return "running" }
    if let failed = point.trials.first(where: \.hasFailed) { return failed.status }
    if point.trials.allSatisfy(\.isFinished) { return "finished" }
    if point.stopReason != nil { return "stopped" }
    return point.trials.contains { !$0.results.isEmpty } ? "paused" : "waiting"
  }

  /// A value with about four significant digits.
  package static func figures(_ value: Double) -> String {
    value == 0 || (1e-3..<1e6).contains(abs(value)) ? String(format: "%.4f", value) : String(format: "%.3g", value)
  }

  package func figures(_ point: PointState) -> String {
    guard let statistics = statistics(point, of: definition.metric.name) else { return "–" }
    let deviation = statistics.deviation.map { " ± \(Self.figures($0))" } ?? ""
    return Self.figures(statistics.mean) + deviation
  }
}

extension SweepResults {
  /// `  gradients healthy`, or nothing before the first verdict.
  func verdictText(_ point: PointState) -> String {
    let verdicts = Set(point.trials.compactMap { $0.lastResult?.gradientFlow })
    return verdicts.isEmpty ? "" : "  gradients " + verdicts.sorted().joined(separator: "/")
  }

  private static let listed = 12

  /// The best points, one per line.
  package var summary: String {
    var lines: [String] = []
    for (rank, number) in order.prefix(Self.listed).enumerated() {
      let point = state.points[number]
      lines.append(
        String(format: "%3d  ", rank + 1) + "\(definition.metric.name) \(figures(point))  \(text(of: point.assignment))"
          + (status(point) == "finished" ? "" : "  (\(status(point)))") + verdictText(point))
    }
    if order.count > Self.listed { lines.append("     … and \(order.count - Self.listed) more") }
    let failed = failedCount > 0 ? ", \(failedCount) failed" : ""
    lines.append("\(state.points.count) points, \(trials.count) trials: \(finishedCount) finished\(failed)")
    return lines.joined(separator: "\n")
  }

  /// Counts of the sweep's trials, and their cost.
  var counts: JSON {
    [
      "trial_count": trials.count, "finished": finishedCount, "failed": failedCount, "steps": stepCount,
      "seconds": state.elapsed, "trial_seconds": trials.reduce(0) { $0 + $1.seconds },
    ]
  }

  package var json: JSON {
    let points = order.map { number -> JSON in
      let point = state.points[number]
      let value = statistics(point, of: definition.metric.name)
      let rung: JSON? = judgedRung(point).map { ["rung": definition.rungs.names[$0]] }
      let reason: JSON? = (point.refusal ?? point.stopReason).map { ["reason": $0] }
      return .joining(
        [
          "point": number, "parameters": Sweeps.json(of: point.assignment), "state": status(point),
          "value": value?.mean, "deviation": value?.deviation,
        ], rung ?? [:], reason ?? [:], ["trials": point.trials.map(json(of:))])
    }
    return .joining(
      [
        "sweep": folder.url.relativePath, "metric": definition.metric.name, "goal": definition.metric.goal.rawValue,
        "point_count": state.points.count,
      ], counts, ["best": ranking.isEmpty ? nil : points[0], "points": points])
  }

  private func json(of trial: TrialState) -> JSON {
    let result = trial.lastResult
    let reason: JSON? = trial.failures.last?.reason.map { ["reason": $0] }
    return .joining(
      [
        "trial": trial.id, "seed": trial.seed, "state": trial.status, "step": trial.lastStep,
        "metrics": JSON.object((result?.metrics ?? []).map { ($0.name, .number($0.value)) }),
        "gradient_flow": result?.gradientFlow, "parameters_digest": result?.digest, "seconds": trial.seconds,
        "attempts_failed": trial.failures.count,
      ], reason ?? [:])
  }
}
