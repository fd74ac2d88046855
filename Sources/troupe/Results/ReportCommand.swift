import ArgumentParser
import Configuration
import Foundation
import Metrics
import Reports
import Runs

struct ReportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Write one HTML page about one or several runs, side by side.",
    discussion: """
      Examples:
        troupe report checkpoints/mlp-relu
        troupe report checkpoints/mlp-sigmoid checkpoints/mlp-relu --output both.html
        troupe report checkpoints/mlp-relu --csv checkpoints/mlp-relu
      """)

  @Argument(help: "Run folders.", completion: .directory, transform: expandingTilde)
  var runs: [String]

  @Option(
    name: .shortAndLong, help: "The page; by default report.html in the first run folder.", completion: .file(),
    transform: expandingTilde)
  var output: String?

  @Option(
    help: "Also write steps.csv, validation.csv and norms.csv of the first run into this folder.",
    completion: .directory, transform: expandingTilde)
  var csv: String?

  @OptionGroup var json: JSONOption

  func run() async throws {
    try await reportingFailures {
      let folders = try runs.map { run throws(RunError) in try StoredRun.folder(run) }
      var logs = try folders.map { folder throws(RecordsError) in try RunLog.read(folder: folder) }
      // Runs of the same name are distinguished by their folders.
      let names = logs.map(\.name)
      for index in logs.indices where names.count(where: { $0 == names[index] }) > 1 {
        logs[index].name = folders[index].relativePath
      }
      let page = output.map { URL(fileURLWithPath: $0) } ?? folders[0].appending(path: "report.html")
      try Report.write(runs: logs, to: page)
      if let csv {
        let folder = URL(fileURLWithPath: csv, isDirectory: true)
        // An error of the folder shows in the write into it.
        try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        _ = try MetricsCSV.write(folder: folders[0], to: folder)
      }
      for log in logs {
        json.output.say("\(log.name): \(log.gradientFlow.verdict.rawValue.spaced). \(log.gradientFlow.sentence)")
      }
      let table = ConfigurationTable(logs.map(\.configuration))
      for line in differences(table, logs) { json.output.say(line) }
      json.output.say("wrote \(page.relativePath)")
      json.output.result(
        .object([
          ("report", .string(page.path)),
          (
            "runs",
            .array(
              logs.map { log in
                .object([
                  ("name", .string(log.name)), ("steps", .integer(log.steps.last?.step ?? 0)),
                  ("gradient_flow", .string(log.gradientFlow.verdict.rawValue)),
                  ("decades_per_layer", .number(log.gradientFlow.slope)),
                ])
              })
          ),
          (
            "differences",
            .object(
              table.differences.map { row in
                (row.key, .array(row.values.map { value in value.map { .string($0) } ?? .null }))
              })
          ),
        ]))
    }
  }

  /// The settings in which the runs differ, one per line.
  private func differences(_ table: ConfigurationTable, _ logs: [RunLog]) -> [String] {
    guard logs.count > 1 else { return [] }
    let different = table.differences
    guard !different.isEmpty else { return ["the runs have the same settings"] }
    var text = TextTable(["differs in"] + logs.map(\.name))
    for row in different.prefix(Self.shownDifferences) {
      text.append([row.key] + row.values.map { String(($0 ?? "absent").prefix(Self.widestValue)) })
    }
    let left = different.count - Self.shownDifferences
    return text.lines() + (left > 0 ? ["and in \(left) more settings, which the page lists"] : [])
  }

  private static let shownDifferences = 24
  private static let widestValue = 40
}
