import FoundationEssentials
import JSON
import Metrics

extension Report {
  /// Draws a search for a learning rate into one page, replacing `file` only once the page is whole on the disk.
  package static func write(_ curve: RateCurve, of name: String, to file: URL) throws(RecordsError) {
    var divergence: Double?
    if case .diverged(let rate) = curve.ending { divergence = rate }
    let data: JSON = [
      "name": name, "rates": JSON.finite(curve.points.map(\.rate)), "losses": JSON.finite(curve.points.map(\.loss)),
      "smoothed": JSON.finite(curve.smoothed), "steepest": curve.steepest, "lowest": curve.lowest,
      "diverged": JSON.finite(divergence),
    ]
    let page = ReportPage.text(data: data, scripts: [PackageResources.learning_rate_js])
    try ReportPage.write(page, to: file)
  }
}
