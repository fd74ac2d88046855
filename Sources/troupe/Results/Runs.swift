import ArgumentParser
import Foundation
import JSON
import Metrics
import Reports

struct Runs: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List runs: state, steps, best value, time, and the settings in which they differ.",
    discussion: """
      Examples:
        troupe runs
        troupe runs checkpoints --sort best --filter state=finished
        troupe runs checkpoints --filter activation=relu --filter depth=50 --json

      A run is running (a process holds its folder), finished, interrupted (continue
      with train --resume) or failed. Best is the best value of the metric of
      checkpoints.monitor, or the lowest training loss. The last column has the
      settings in which the listed runs differ.
      """)

  enum Order: String, ExpressibleByArgument, CaseIterable { case name, state, step, best, time }

  @Argument(help: "A folder with runs in or below it, or one run.", completion: .directory, transform: expandingTilde)
  var folder = "checkpoints"

  @Option(help: "The order of the runs; by best, those of the same metric stand together.")
  var sort = Order.name

  @Option(
    help: ArgumentHelp(
      "List only runs with this state, this setting or this text in their names; may be repeated.",
      valueName: "state=…|key=…|text"))
  var filter: [String] = []

  @OptionGroup var json: JSONOption

  /// Settings in a line of the table at most; --json has them all.
  private static let shownDifferences = 6

  func run() async throws {
    try await reportingFailures {
      let place = try FolderOfRuns(folder)
      var summaries: [RunSummary] = []
      for run in place.runs() {
        do throws(RecordsError) {
          if let summary = try RunSummary.read(run) { summaries.append(summary) }
        } catch {
          // One damaged run does not hide the others.
          Output.note("troupe: \(error)")
        }
      }
      let isEmpty = summaries.isEmpty
      if isEmpty { json.output.say("\(folder): no runs here") }
      summaries = ordered(try filtered(summaries, in: place))
      let settings = ConfigurationTable(summaries.map(\.configuration))
      if !summaries.isEmpty {
        show(summaries, settings, in: place)
      } else if !isEmpty {
        json.output.say("\(folder): no run passes --filter")
      }
      json.output.result(
        .object([
          ("folder", .string(folder)),
          ("runs", .array(summaries.enumerated().map { describe($1, settings, run: $0, in: place) })),
        ]))
    }
  }

  /// The runs that pass every filter.
  private func filtered(_ summaries: [RunSummary], in place: FolderOfRuns) throws -> [RunSummary] {
    let settings = ConfigurationTable(summaries.map(\.configuration)).rows
    var kept = Set(summaries.indices)
    for text in filter {
      let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      if parts.count == 1 {
        kept.formIntersection(summaries.indices.filter { place.name(of: summaries[$0].folder).contains(text) })
      } else if parts[0] == "state" {
        kept.formIntersection(summaries.indices.filter { summaries[$0].activity.rawValue == parts[1] })
      } else {
        let value = ConfigurationTable.value(parts[1])
        let rows = settings.filter { $0.key == parts[0] || $0.key.hasSuffix("." + parts[0]) }
        guard !rows.isEmpty || summaries.isEmpty else {
          throw CommandFailure("--filter \(text): no run here has a setting of that name", 2)
        }
        kept.formIntersection(summaries.indices.filter { run in rows.contains { $0.values[run] == value } })
      }
    }
    return summaries.indices.filter(kept.contains).map { summaries[$0] }
  }

  /// The runs in the order of `sort`; equal ones stay in the order of their names.
  private func ordered(_ summaries: [RunSummary]) -> [RunSummary] {
    switch sort {
    case .name: summaries
    case .state: summaries.sorted { $0.activity.rawValue < $1.activity.rawValue }
    case .step: summaries.sorted { $0.step > $1.step }
    case .time: summaries.sorted { $0.seconds > $1.seconds }
    case .best:
      summaries.sorted { first, second in
        guard let first = first.best, let second = second.best else { return first.best != nil && second.best == nil }
        guard first.metric == second.metric else { return first.metric < second.metric }
        return first.metric.hasSuffix("loss") ? first.value < second.value : first.value > second.value
      }
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
    let screen = TerminalScreen(json.output.stream)
    for line in table.lines(columns: screen.isTerminal ? screen.columns : nil) { json.output.say(line) }
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

/// A folder with runs in or below it.
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
