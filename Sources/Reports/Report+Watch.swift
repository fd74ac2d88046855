import FoundationEssentials
import JSON
import Metrics

/// What `troupe watch` serves: the report's page and drawings, with data that come as they are made.
extension Report {
  /// A picture that a run has left in `samples/`.
  package struct Sample: Sendable, Equatable {
    package let run: String
    /// The run's number.
    package let id: Int
    package let name: String
    /// When it was last written, so that a browser does not show an older one.
    package let changed: Int

    package init(run: String, id: Int, name: String, changed: Int) {
      self.run = run
      self.id = id
      self.name = name
      self.changed = changed
    }
  }

  /// The page, which asks for everything else.
  package static var watchPage: [UInt8] {
    ReportPage.text(
      data: Array("{}".utf8), scripts: scripts + ReportPage.sweepScripts + [PackageResources.watch_js],
      template: PackageResources.watch_html)
  }

  /// What the page draws of some runs.
  package static func watched(_ runs: [RunLog], _ samples: [Sample], version: String) -> [UInt8] {
    var text = JSONText()
    text.object { text in
      text.field("version", version)
      text.object("report") { text in members(of: runs, &text) }
      text.array("samples") { text in
        for sample in samples {
          text.object { text in
            text.field("run", sample.run)
            text.field("id", sample.id)
            text.field("name", sample.name)
            text.field("changed", sample.changed)
          }
        }
      }
    }
    return Array(text.bytes)
  }
}
