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
    let page = ReportPage.text(data: data(of: runs), scripts: scripts)
    try ReportPage.write(page, to: file)
  }

  /// The scripts that draw runs, besides those that all pages share.
  static var scripts: [[UInt8]] {
    [
      PackageResources.heat_map_js, PackageResources.stage_bars_js, PackageResources.confusion_js,
      PackageResources.sequences_js, PackageResources.denoising_js, PackageResources.report_js,
    ]
  }

  /// The data that the page's scripts draw.
  static func data(of runs: [RunLog]) -> JSON {
    let share = max(1, runs.count)
    let buckets = min(curveBuckets, max(20, curveBudget / share))
    let evaluated = shownEvaluations(runs)
    let evaluationShare = max(1, evaluated.reduce(0) { $0 + $1.count })
    let shown = zip(runs, evaluated).map { run, shown in
      JSON.joining(
        summary(run), curves(run, buckets: buckets), gradients(run, cells: heatBudget / share), activations(run),
        evaluations(run, shown, share: evaluationShare), sequences(run, buckets: buckets / 2),
        samples(run, share: share), stages(run), events(run))
    }
    return ["runs": shown, "configuration": ConfigurationTable(runs.map(\.configuration)).json]
  }
}

extension ConfigurationTable {
  fileprivate var json: JSON {
    let rows = rows.map { ["key": $0.key, "differs": $0.differs, "values": $0.values] as JSON }
    return ["readable": readable, "rows": rows]
  }
}
