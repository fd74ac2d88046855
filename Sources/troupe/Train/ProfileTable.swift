import Foundation
import Training

/// A profile for people: the slowest layers, then the other work of the lanes.
enum ProfileTable {
  private static let mostLayers = 24

  static func lines(of summary: ProfileSummary) -> [String] {
    var table = TextTable(
      ["layer", "type", "forward ms", "backward ms", "share", "GFLOP/s"], rightAligned: [2, 3, 4, 5])
    func append(_ row: ProfileSummary.Row, forward: Bool = true) {
      table.append([
        row.name, row.type, forward ? String(format: "%.3f", row.forward) : "", String(format: "%.3f", row.backward),
        String(format: "%.1f%%", 100 * summary.share(of: row)), row.rate.map { String(format: "%.1f", $0) } ?? "",
      ])
    }
    let ordered = summary.layers.sorted { $0.milliseconds > $1.milliseconds }
    for row in ordered.prefix(mostLayers) { append(row) }
    let others = ordered.dropFirst(mostLayers)
    if !others.isEmpty {
      var sum = ProfileSummary.Row(name: "\(others.count) more layers", type: "")
      for row in others {
        sum.forward += row.forward
        sum.backward += row.backward
        sum.flops += row.flops
      }
      append(sum)
    }
    for row in summary.others { append(row, forward: false) }
    return [summary.headline] + table.lines()
  }
}
