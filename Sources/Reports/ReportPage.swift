import FoundationEssentials
import JSON
import Metrics

/// One HTML file without outside references: the template with style, data and scripts put in.
package enum ReportPage {
  /// The page's UTF-8 text.
  ///
  /// - Parameters:
  ///   - data: JSON that the scripts find under `data`; without a bare `<`, which would end its place in the page.
  ///   - scripts: those that draw this kind of page, after the ones that all share.
  ///   - template: has a mark for each of the three.
  static func text(
    data: [UInt8], scripts: [[UInt8]], template: [UInt8] = PackageResources.report_html
  ) -> [UInt8] {
    let shared = [PackageResources.charts_js, PackageResources.page_js, PackageResources.line_chart_js]
    let parts: [(mark: String, content: [UInt8])] = [
      ("{{style}}", PackageResources.report_css), ("{{data}}", data),
      ("{{scripts}}", Array((shared + scripts).joined(separator: "\n".utf8))),
    ]
    // The marks are looked for in the template alone: what is put in is never searched again.
    var rest = Substring(String(decoding: template, as: UTF8.self))
    var page: [UInt8] = []
    for (mark, content) in parts {
      guard let place = rest.firstRange(of: mark) else { preconditionFailure("a page lacks \(mark)") }
      page += Array(rest[..<place.lowerBound].utf8) + content
      rest = rest[place.upperBound...]
    }
    return page + Array(rest.utf8)
  }

  /// Writes the page about a sweep, replacing `file` only once the new one is whole on the disk.
  ///
  /// - Parameter data: what `sweep.js` draws.
  package static func write(sweep data: JSON, to file: URL) throws(RecordsError) {
    let safe = data.compactText.replacing("<", with: "\\u003c")
    try LogFile.replace(file.systemPath, with: text(data: Array(safe.utf8), scripts: sweepScripts))
  }

  /// What draws sweeps, besides what all pages share.
  static var sweepScripts: [[UInt8]] {
    [PackageResources.parallel_js, PackageResources.scatter_js, PackageResources.bars_js, PackageResources.sweep_js]
  }
}

extension RunLog {
  /// The training loss, smoothed, and the loss on the validation split over the steps, thinned for drawing.
  package func lossCurves(buckets: Int) -> (training: Curve, validation: Curve) {
    let radius = Int(Double(steps.count) * Report.smoothedPart / 2)
    let training = Curve.smoothed(
      steps.map(\.step), steps.map { Double($0.loss) }, radius: radius, buckets: buckets)
    let evaluations = validations.filter { $0.split == "validation" }
    return (
      training, .extremes(evaluations.map(\.step), evaluations.map { Double($0.loss) }, buckets: max(1, buckets / 2))
    )
  }
}
