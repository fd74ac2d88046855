import JSON
import Metrics

// A row per trial, for spreadsheets and plotting tools.
extension SweepResults {
  /// A trial; nil for the row of a refused point.
  private typealias Row = (rank: Int, point: PointState, trial: TrialState?)
  private typealias Column = (header: String, cell: (Row) -> String)

  private var columns: [Column] {
    let rungs = definition.rungs.names
    let metrics = state.reportedMetrics.map { name -> Column in
      (name, { $0.trial?.lastResult?.value(of: name).map { JSON.number($0).plainText } ?? "" })
    }
    let parameters = definition.space.parameters.map { entry -> Column in
      (entry.path, { row in row.point.assignment.first { $0.path == entry.path }?.value.plainText ?? "" })
    }
    return [
      ("rank", { "\($0.rank)" }), ("point", { "\($0.point.number)" }), ("trial", { $0.trial?.id ?? "" }),
      ("seed", { $0.trial.map { "\($0.seed)" } ?? "" }), ("state", { $0.trial?.status ?? "refused" }),
      ("rung", { $0.trial?.results.keys.max().map { rungs[$0] } ?? "" }),
      ("step (updates)", { "\($0.trial?.lastStep ?? 0)" }),
      ("seconds (s)", { JSON.number($0.trial?.seconds ?? 0).compactText }),
      ("gradient_flow", { $0.trial?.lastResult?.gradientFlow ?? "" }),
    ] + metrics + parameters + [
      ("reason", { $0.trial?.failures.last?.reason ?? $0.point.refusal ?? $0.point.stopReason ?? "" })
    ]
  }

  package var csv: String {
    let columns = columns
    let rows = order.enumerated().flatMap { rank, number -> [Row] in
      let point = state.points[number]
      let trials = point.trials.map(Optional.some) + (point.refusal == nil ? [] : [nil])
      return trials.map { (rank + 1, point, $0) }
    }
    let lines = [columns.map(\.header)] + rows.map { row in columns.map { $0.cell(row) } }
    return lines.map { $0.map(CSVCell.quoted).joined(separator: ",") + "\n" }.joined()
  }
}
