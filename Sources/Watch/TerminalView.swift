import Foundation
import Metrics

/// Draws runs as lines of text, for `troupe watch --terminal`.
package struct TerminalView {
  private let columns: Int
  private let rows: Int

  /// From the smallest to the largest gradient of a map.
  private static let shades = Array(" ░▒▓█")
  private static let mostLayers = 24
  /// Points of a sweep.
  private static let mostLeaders = 12

  /// - Parameters:
  ///   - columns: of the terminal.
  ///   - rows: of the terminal; lines beyond them are left out.
  package init(columns: Int, rows: Int) {
    self.columns = max(40, columns)
    self.rows = max(6, rows)
  }

  /// The current view: the tables of sweeps, and a list of all runs, or a single run with its layers and stages.
  package func lines(of runs: WatchedRuns) async -> [String] {
    var lines: [String] = []
    for table in await runs.sweepTables(leaders: max(3, min(Self.mostLeaders, rows / 3))) { lines += table + [""] }
    let names = await runs.names()
    if names.isEmpty, lines.isEmpty { return ["no runs yet; they appear here as soon as one begins"] }
    if names.count == 1, lines.isEmpty {
      if let log = await runs.logs([names[0].id]).first {
        let (activity, total) = await (runs.activity(of: names[0].id), runs.totalSteps(of: names[0].id))
        lines = single(log, activity, total)
      }
    } else {
      // As many as fit; running ones come first.
      let shown = names.prefix(max(1, (rows - 1 - lines.count) / 2)).map(\.id)
      for id in shown {
        guard let log = await runs.logs([id]).first else { continue }
        let (activity, total) = await (runs.activity(of: id), runs.totalSteps(of: id))
        lines += [
          headline(log, activity, total), "  loss \(Sparkline.text(Self.losses(log), width: columns - 8))",
        ]
      }
      let left = names.count + (await runs.hiddenCount) - shown.count
      if left > 0 { lines.append("and \(left) more runs") }
    }
    return lines.prefix(rows).map { String($0.prefix(columns)) }
  }

  private func headline(_ log: RunLog, _ activity: RunActivity, _ total: Int?) -> String {
    let last = log.steps.last
    var text = "\(log.name)  \(activity.rawValue)  step \(last?.step ?? 0)" + (total.map { "/\($0)" } ?? "")
    if let last { text += String(format: "  loss %.4g", last.loss) }
    if let validation = log.validations.last {
      text += String(format: "  %@ %.4g", validation.split, validation.loss)
      if let accuracy = validation.accuracy { text += String(format: " (%.1f%%)", 100 * accuracy) }
    }
    return text
  }

  private func single(_ log: RunLog, _ activity: RunActivity, _ total: Int?) -> [String] {
    let width = columns - 16
    var lines = [headline(log, activity, total), ""]
    func row(_ name: String, _ text: String) { lines.append(name.padded(to: 14) + "  " + text) }
    row("loss", Sparkline.text(Self.losses(log), width: width))
    let validations = log.validations.map { Double($0.loss) }
    if validations.count > 1 { row("validation", Sparkline.text(validations, width: width)) }
    row("gradient norm", Sparkline.text(log.steps.map { log10(Double($0.gradientNorm)) }, width: width))
    if let last = log.steps.last {
      row(
        "",
        String(
          format: "lr %.3g, %.1f ms a step, %.0f samples/s", last.learningRate, last.stepMilliseconds,
          last.samplesPerSecond))
    }
    lines += stages(log, width: width)
    lines += gradients(log, width: width)
    return lines
  }

  private static func losses(_ log: RunLog) -> [Double] { log.steps.map { Double($0.loss) } }

  /// The busy share of every stage since the run began.
  private func stages(_ log: RunLog, width: Int) -> [String] {
    let stages = log.stages.last?.stages.filter { $0.busy >= 0 && $0.waiting >= 0 && $0.busy + $0.waiting > 0 } ?? []
    guard !stages.isEmpty else { return [] }
    let bar = max(1, min(30, width - 12))
    return [""]
      + stages.map { stage in
        let share = stage.busy / (stage.busy + stage.waiting)
        let filled = LevelScale(from: 0, to: 1, levels: bar + 1).level(of: share)
        return stage.name.padded(to: 14) + "  " + String(repeating: "█", count: filled)
          + String(repeating: "·", count: bar - filled) + String(format: " %3.0f%% busy", 100 * share)
      }
  }

  /// The gradient of every layer over the steps, on a logarithmic scale; the layer next to the input is at the bottom.
  private func gradients(_ log: RunLog, width: Int) -> [String] {
    let table = log.gradientTable(rows: min(Self.mostLayers, rows - 14), columns: width)
    let cells = table.rows.flatMap(\.self).filter(\.isFinite)
    guard let low = cells.min(), let high = cells.max(), !table.rows.isEmpty else { return [] }
    let scale = LevelScale(from: low, to: high, levels: Self.shades.count)
    let map = zip(table.names, table.rows).reversed().map { name, row in
      let shades = row.map { value in
        value.isFinite ? Self.shades[scale.level(of: value)] : "!"
      }
      return String(name.replacing(".weight", with: "").prefix(14)).padded(to: 14) + "  " + String(shades)
    }
    return ["", String(format: "gradient rms of layers, 1e%.1f ( ) to 1e%.1f (█)", low, high)] + map
  }
}

extension String {
  fileprivate func padded(to width: Int) -> String {
    self + String(repeating: " ", count: Swift.max(0, width - count))
  }
}
