import FoundationEssentials
import JSON
import Metrics

extension Report {
  /// Draws a search for a learning rate into one page, replacing `file` only once the page is whole on the disk.
  package static func write(_ curve: RateCurve, of name: String, to file: URL) throws(RecordsError) {
    var text = JSONText()
    text.object { text in
      text.field("name", name)
      text.field("rates", curve.points.map(\.rate))
      text.field("losses", curve.points.map(\.loss))
      text.field("smoothed", curve.smoothed)
      text.field("steepest", curve.steepest.map { Double($0) })
      text.field("lowest", curve.lowest.map { Double($0) })
      if case .diverged(let rate) = curve.ending { text.field("diverged", rate) }
    }
    let page = ReportPage.text(data: Array(text.bytes), scripts: [PackageResources.learning_rate_js])
    try LogFile.replace(file.systemPath, with: page)
  }
}
