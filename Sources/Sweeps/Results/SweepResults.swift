import Configuration
import Foundation
import JSON
import Reports
import Runs

/// What a sweep has found out so far.
package struct SweepResults: Sendable {
  package let definition: SweepDefinition
  package let state: SweepState
  package let folder: SweepFolder
  /// Points in the order of the table: those that ran to their end first, the best above; then by how far they came.
  package let order: [Int]
  /// The points that ran to their end.
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
    try folder.write(csv, to: table)
    try writePage(to: page.map { URL(fileURLWithPath: $0) } ?? folder.url.appending(path: Report.fileName))
  }

  // MARK: Counts

  package var trials: [TrialState] { state.points.flatMap(\.trials) }
  package var failedCount: Int {
    trials.count { $0.hasFailed } + state.points.count { $0.refusal != nil } * definition.seeds.count
  }
  package var finishedCount: Int { trials.count { $0.isFinished } }

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

  /// Steps that all trials have been trained.
  package var stepCount: Int { trials.reduce(0) { $0 + ($1.lastResult?.step ?? $1.failures.last?.step ?? 0) } }

  // MARK: Points

  /// The rung of the last result that all seeds of a point have.
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

  /// A value as people read it.
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
  /// `  gradients healthy`, or nothing before there is a verdict.
  func verdictText(_ point: PointState) -> String {
    let verdicts = Set(point.trials.compactMap { $0.lastResult?.gradientFlow })
    return verdicts.isEmpty ? "" : "  gradients " + verdicts.sorted().joined(separator: "/")
  }

  private static let listed = 12

  /// The best points, a line each.
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

  package var json: JSON {
    let points: [JSON] = order.map { number in
      let point = state.points[number]
      let value = statistics(point, of: definition.metric.name)
      var members: [(String, JSON)] = [
        ("point", .integer(number)), ("parameters", .object(point.assignment.map { ($0.path, $0.value) })),
        ("state", .string(status(point))), ("value", value.map { .number($0.mean) } ?? .null),
        ("deviation", value?.deviation.map { .number($0) } ?? .null),
      ]
      if let rung = judgedRung(point) {
        members.append(("rung", .string(definition.rungs.durations[rung]?.description ?? "whole")))
      }
      if let reason = point.refusal ?? point.stopReason { members.append(("reason", .string(reason))) }
      members.append(("trials", .array(point.trials.map(json(of:)))))
      return .object(members)
    }
    return .object([
      ("sweep", .string(folder.url.relativePath)), ("metric", .string(definition.metric.name)),
      ("goal", .string(definition.metric.goal.rawValue)), ("point_count", .integer(state.points.count)),
      ("trial_count", .integer(trials.count)), ("finished", .integer(finishedCount)), ("failed", .integer(failedCount)),
      ("steps", .integer(stepCount)), ("seconds", .number(state.elapsed)),
      ("trial_seconds", .number(trials.reduce(0) { $0 + $1.seconds })),
      ("best", ranking.isEmpty ? .null : points[0]), ("points", .array(points)),
    ])
  }

  private func json(of trial: TrialState) -> JSON {
    let result = trial.lastResult
    var members: [(String, JSON)] = [
      ("trial", .string(trial.id)), ("seed", .integer(trial.seed)), ("state", .string(trial.status)),
      ("step", .integer(result?.step ?? trial.failures.last?.step ?? 0)),
      ("metrics", .object((result?.metrics ?? []).map { ($0.name, .number($0.value)) })),
      ("gradient_flow", result?.gradientFlow.map { .string($0) } ?? .null),
      ("parameters_digest", result?.digest.map { .string($0) } ?? .null), ("seconds", .number(trial.seconds)),
      ("attempts_failed", .integer(trial.failures.count)),
    ]
    if let reason = trial.failures.last?.reason { members.append(("reason", .string(reason))) }
    return .object(members)
  }
}
