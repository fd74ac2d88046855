import JSON

// A row a trial, for spreadsheets and plotting tools.
extension SweepResults {
  package var csv: String {
    let paths = definition.space.parameters.map(\.path)
    let metrics = state.reportedMetrics
    let header =
      ["rank", "point", "trial", "seed", "state", "rung", "step (updates)", "seconds (s)", "gradient_flow"] + metrics
      + paths
      + ["reason"]
    var lines = [header.map(Self.cell).joined(separator: ",")]
    for (rank, number) in order.enumerated() {
      let point = state.points[number]
      for trial in point.trials {
        let result = trial.lastResult
        let rung = trial.results.keys.max().map { definition.rungs.durations[$0]?.description ?? "whole" } ?? ""
        var cells = [
          "\(rank + 1)", "\(number)", trial.id, "\(trial.seed)", trial.status, rung,
          "\(result?.step ?? trial.failures.last?.step ?? 0)", JSON.number(trial.seconds).compactText,
          result?.gradientFlow ?? "",
        ]
        cells += metrics.map {
          result?.value(of: $0).map { JSON.number($0).string ?? JSON.number($0).compactText } ?? ""
        }
        cells += paths.map { path in
          point.assignment.first { $0.path == path }.map { $0.value.string ?? $0.value.compactText } ?? ""
        }
        lines.append(
          (cells + [trial.failures.last?.reason ?? point.stopReason ?? ""]).map(Self.cell).joined(separator: ","))
      }
      if let refusal = point.refusal {
        let values = paths.map { path in
          point.assignment.first { $0.path == path }.map { $0.value.string ?? $0.value.compactText } ?? ""
        }
        let cells =
          ["\(rank + 1)", "\(number)", "", "", "refused", "", "0", "0", ""] + metrics.map { _ in "" } + values
        lines.append((cells + [refusal]).map(Self.cell).joined(separator: ","))
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// Text in quotes where RFC 4180 asks for them; no spreadsheet may take a name for a formula.
  private static func cell(_ value: String) -> String {
    let isFormula = value.first.map { "=+@\t\r".contains($0) } == true || value.first == "-" && Double(value) == nil
    let safe = isFormula ? "'" + value : value
    guard safe.contains(where: { "\",\n\r".contains($0) }) else { return safe }
    return "\"" + safe.replacing("\"", with: "\"\"") + "\""
  }
}
