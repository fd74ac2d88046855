import FoundationEssentials
import JSON
import Metrics

/// The part of a run's data that shows what it drew.
extension Report {
  /// - Parameter share: runs that share the room for pictures.
  static func samples(_ run: RunLog, share: Int, _ text: inout JSONText) {
    var left = SampleGrids.byteBudget / share
    // The last is what a run came to; it goes in first.
    var shown: [SampleGrids.Grid] = []
    for grid in [run.samples.last, run.samples.first].compactMap(\.self) + run.samples.dropFirst().dropLast() {
      guard grid.png.count <= left, !shown.contains(where: { $0.step == grid.step }) else { continue }
      left -= grid.png.count
      shown.append(grid)
    }
    text.array("samples") { text in
      for grid in shown.sorted(by: { $0.step < $1.step }) {
        text.object { text in
          text.field("step", grid.step)
          text.field("picture", Data(grid.png).base64EncodedString())
        }
      }
    }
  }
}
