import FoundationEssentials
import JSON
import Metrics

/// The part of a run's data that shows its drawn samples.
extension Report {
  /// - Parameter share: the number of runs that share the budget for images.
  static func samples(_ run: RunLog, share: Int) -> JSON {
    var left = SampleGrids.byteBudget / share
    // The last grid, the final result, goes in first.
    var shown: [SampleGrids.Grid] = []
    for grid in [run.samples.last, run.samples.first].compactMap(\.self) + run.samples.dropFirst().dropLast() {
      guard grid.png.count <= left, !shown.contains(where: { $0.step == grid.step }) else { continue }
      left -= grid.png.count
      shown.append(grid)
    }
    let grids = shown.sorted { $0.step < $1.step }.map { grid -> JSON in
      ["step": grid.step, "picture": Data(grid.png).base64EncodedString()]
    }
    return ["samples": grids]
  }
}
