import ArgumentParser
import Foundation
import JSON
import Metrics
import Reports

struct Runs: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List the runs below a folder: how they stand, how far and how good they are, in what they differ.",
    discussion: """
      Examples:
        troupe runs
        troupe runs checkpoints/depth-sweep --json

      A run is running (a process holds its folder), finished, interrupted (train --resume goes on with it) or failed. Best
      is the best value of what its checkpoints.monitor names, or the lowest training loss. The last column has the
      settings in which the listed runs differ.
      """)

  @Argument(help: "A folder with runs in or below it, or one run.", completion: .directory)
  var folder = "checkpoints"

  @OptionGroup var json: JSONOption

  /// Settings that a line of the table shows at most; --json has them all.
  private static let shownDifferences = 6

  func run() async throws {
    try await reportingFailures {
      let place = try FolderOfRuns(folder)
      var summaries: [RunSummary] = []
      for run in place.runs() {
        do throws(RecordsError) {
          if let summary = try RunSummary.read(run) { summaries.append(summary) }
        } catch {
          // One damaged run is no reason to hide the others.
          Output.note("troupe: \(error)")
        }
      }
      let settings = ConfigurationTable(summaries.map(\.configuration))
      if summaries.isEmpty { json.output.say("\(folder): no runs here") }
      if !summaries.isEmpty { show(summaries, settings, in: place) }
      json.output.result(
        .object([
          ("folder", .string(folder)),
          ("runs", .array(summaries.enumerated().map { describe($1, settings, run: $0, in: place) })),
        ]))
    }
  }

  private func show(_ summaries: [RunSummary], _ settings: ConfigurationTable, in place: FolderOfRuns) {
    var table = TextTable(["run", "state", "step", "best", "time", "differs in"], rightAligned: [2])
    let different = settings.differences
    for (index, summary) in summaries.enumerated() {
      var best = "–"
      if let value = summary.best {
        best = "\(value.metric) " + String(format: "%.4g", value.value) + " at \(value.step)"
      }
      let own = different.filter { $0.values[index] != nil }
      var differs = own.prefix(Self.shownDifferences).map {
        "\(settings.shortKey($0))=\(($0.values[index] ?? "").prefix(24))"
      }
      if own.count > Self.shownDifferences { differs.append("and \(own.count - Self.shownDifferences) more") }
      table.append([
        place.name(of: summary.folder), summary.activity.rawValue,
        "\(summary.step)/" + (summary.totalSteps.map(String.init) ?? "?"), best,
        DurationText.short(summary.seconds), differs.joined(separator: " "),
      ])
    }
    for line in table.lines { json.output.say(line) }
    for summary in summaries where summary.activity == .failed {
      json.output.say("\(place.name(of: summary.folder)) failed: \(summary.reason ?? "")")
    }
  }

  private func describe(
    _ summary: RunSummary, _ settings: ConfigurationTable, run: Int, in place: FolderOfRuns
  ) -> JSON {
    .object([
      ("run", .string(summary.folder.relativePath)), ("name", .string(summary.name)),
      ("state", .string(summary.activity.rawValue)), ("reason", summary.reason.map { .string($0) } ?? .null),
      ("step", .integer(summary.step)), ("total_steps", summary.totalSteps.map { .integer($0) } ?? .null),
      ("seconds", .number(summary.seconds)),
      ("started", summary.header.map { .string($0.started) } ?? .null),
      (
        "best",
        summary.best.map {
          .object([("metric", .string($0.metric)), ("value", .number($0.value)), ("step", .integer($0.step))])
        } ?? .null
      ),
      (
        "differences",
        .object(settings.differences.compactMap { row in row.values[run].map { (row.key, .string($0)) } })
      ),
    ])
  }
}

/// A folder that a command looks for runs in.
struct FolderOfRuns {
  let url: URL

  init(_ path: String) throws {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue else {
      let found = FileManager.default.fileExists(atPath: path) ? "a file" : "nothing of that name"
      throw CommandFailure("\(path): expected a run folder or one with runs in it, found \(found)", 2)
    }
    url = URL(fileURLWithPath: path, isDirectory: true)
  }

  func runs() -> [URL] { RunSearch.runs(below: url) }

  func name(of run: URL) -> String { RunSearch.name(of: run, in: url) }
}
