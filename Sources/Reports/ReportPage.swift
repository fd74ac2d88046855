import Files
import FoundationEssentials
import JSON
import Metrics

/// One HTML file without outside references: a template with style, data and scripts inserted.
package enum ReportPage {
  /// The page's UTF-8 text.
  ///
  /// - Parameters:
  ///   - data: the value that the scripts find under `data`.
  ///   - scripts: the scripts of this kind of page, which follow those that all pages share.
  ///   - template: has a mark for each of the three.
  static func text(
    data: JSON, scripts: [[UInt8]], template: [UInt8] = PackageResources.report_html
  ) -> [UInt8] {
    let shared = [PackageResources.charts_js, PackageResources.page_js, PackageResources.line_chart_js]
    let parts: [(mark: String, content: [UInt8])] = [
      ("{{style}}", PackageResources.report_css), ("{{data}}", data.markupSafeText),
      ("{{scripts}}", Array((shared + scripts).joined(separator: "\n".utf8))),
    ]
    // Marks count in the template alone: inserted text is never searched.
    var rest = Substring(String(decoding: template, as: UTF8.self))
    var page: [UInt8] = []
    for (mark, content) in parts {
      guard let place = rest.firstRange(of: mark) else { preconditionFailure("a page lacks \(mark)") }
      page += Array(rest[..<place.lowerBound].utf8) + content
      rest = rest[place.upperBound...]
    }
    return page + Array(rest.utf8)
  }

  /// The pages of this program by their first bytes, whatever its version.
  private static let own = OwnFile("page") { start in
    start.starts(with: "<!DOCTYPE html>".utf8) && String(decoding: start, as: UTF8.self).contains("<title>Troupe ")
  }

  /// Writes a page, replacing an earlier one only once the new one is whole on the disk, and no other file.
  static func write(_ page: [UInt8], to file: URL) throws(RecordsError) {
    try RecordsError.files { () throws(FileError) in
      try ReplacementFile.write(page, to: file.systemPath, replacing: own)
    }
  }

  /// Writes the page about a sweep, replacing `file` only once the new one is whole on the disk.
  ///
  /// - Parameter data: drawn by `sweep.js`.
  package static func write(sweep data: JSON, to file: URL) throws(RecordsError) {
    let page = text(data: data, scripts: sweepScripts)
    try ReportPage.write(page, to: file)
  }

  /// The scripts that draw sweeps, besides those that all pages share.
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
