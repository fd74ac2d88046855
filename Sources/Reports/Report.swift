import FoundationEssentials
import JSON
import Metrics

/// Writes `report.html`: one file that shows one or several runs, with its data, style and script inside.
///
/// Long runs are thinned, so that the file stays below 2 MB whatever their length: curves to the smallest and largest
/// value of each of at most `curveBuckets` stretches, heat maps to `heatColumns` logged steps and `heatRows` layers;
/// with many runs the budget is shared.
package enum Report {
  package static let fileName = "report.html"

  static let curveBuckets = 400
  static let heatColumns = 200
  static let heatRows = 128
  /// Heat-map cells of all runs together.
  static let heatBudget = 120_000
  /// Curve buckets of all runs together.
  static let curveBudget = 4_000
  static let listedEvents = 200

  /// Draws `runs` side by side into `file`, replacing it only once the new report is whole on the disk.
  package static func write(runs: [RunLog], to file: URL) throws(RecordsError) {
    try LogFile.replace(file.systemPath, with: page(runs: runs))
  }

  /// The page's UTF-8 text.
  static func page(runs: [RunLog]) -> [UInt8] {
    ReportPage.text(data: Array(data(runs: runs).bytes), scripts: scripts)
  }

  /// What draws runs, besides what all pages share.
  static var scripts: [[UInt8]] {
    [
      PackageResources.heat_map_js, PackageResources.stage_bars_js, PackageResources.confusion_js,
      PackageResources.sequences_js, PackageResources.denoising_js, PackageResources.report_js,
    ]
  }

  /// What the page's script draws.
  static func data(runs: [RunLog]) -> JSONText {
    var text = JSONText()
    text.object { text in members(of: runs, &text) }
    return text
  }

  static func members(of runs: [RunLog], _ text: inout JSONText) {
    let share = max(1, runs.count)
    let buckets = min(curveBuckets, max(20, curveBudget / share))
    let evaluated = shownEvaluations(runs)
    let evaluationShare = max(1, evaluated.reduce(0) { $0 + $1.count })
    text.array("runs") { text in
      for (run, shown) in zip(runs, evaluated) {
        text.object { text in
          let layers = WeightLayers(run.header?.tensors ?? [])
          summary(run, &text)
          curves(run, buckets: buckets, &text)
          gradients(run, layers, cells: heatBudget / share, &text)
          activations(run, &text)
          evaluations(run, shown, share: evaluationShare, &text)
          sequences(run, buckets: buckets / 2, &text)
          samples(run, share: share, &text)
          stages(run, &text)
          events(run, &text)
        }
      }
    }
    configuration(runs, &text)
  }

  private static func configuration(_ runs: [RunLog], _ text: inout JSONText) {
    let table = ConfigurationTable(runs.map(\.configuration))
    text.object("configuration") { text in
      text.array("readable") { text in
        for readable in table.readable { text.field(nil, readable) }
      }
      text.array("rows") { text in
        for row in table.rows {
          text.object { text in
            text.field("key", row.key)
            text.field("differs", row.differs)
            text.array("values") { text in
              for value in row.values { text.field(nil, optional: value) }
            }
          }
        }
      }
    }
  }
}
