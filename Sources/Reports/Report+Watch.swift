import FoundationEssentials
import JSON
import Metrics

/// The page of `troupe watch`: the report's drawings of runs that are still training.
extension Report {
  /// An image in a run's folder `samples/`.
  package struct Sample: Sendable, Equatable {
    package let run: String
    /// The run's number.
    package let id: Int
    package let name: String
    /// The time of its last change, so that a browser does not show an older one.
    package let changed: Int

    package init(run: String, id: Int, name: String, changed: Int) {
      self.run = run
      self.id = id
      self.name = name
      self.changed = changed
    }
  }

  /// The page, which fetches its data.
  package static var watchPage: [UInt8] {
    ReportPage.text(
      data: [:], scripts: scripts + ReportPage.sweepScripts + [PackageResources.watch_js],
      template: PackageResources.watch_html)
  }

  /// The data of the page about some runs.
  package static func watched(_ runs: [RunLog], _ samples: [Sample], version: String) -> [UInt8] {
    let samples = samples.map { ["run": $0.run, "id": $0.id, "name": $0.name, "changed": $0.changed] as JSON }
    let data: JSON = ["version": version, "report": data(of: runs), "samples": samples]
    return data.markupSafeText
  }
}
