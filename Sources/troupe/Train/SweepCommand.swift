import ArgumentParser
import Configuration
import Foundation
import JSON
import Reports
import Runs
import Sweeps

struct SweepCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sweep",
    abstract: "Train a configuration with many settings and compare them.",
    subcommands: [SweepTrain.self, SweepReportCommand.self], defaultSubcommand: SweepTrain.self)
}

struct SweepTrain: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Train a configuration with many settings, each in its own process, and compare them.",
    usage: """
      troupe sweep <sweep> [<options>]
      troupe sweep report <folder> [<options>]
      """,
    discussion: """
      Examples:
        troupe sweep Configs/sweeps/depth-activation-norm.json --dry-run
        troupe sweep Configs/sweeps/depth-activation-norm.json --jobs 2
        troupe sweep Configs/sweeps/depth-activation-norm.json --jobs 2 --resume
        troupe sweep report checkpoints/depth-activation-norm

      Every trial is a run in trials/ of the sweep's folder, on its share of the
      cores. Ctrl-C saves all of them. --resume continues the sweep, also after a
      crash, and also beside other processes, on this machine or on others that
      share the folder.
      """)

  @Argument(help: "A JSON sweep file.", completion: .file(extensions: ["json"]), transform: expandingTilde)
  var sweep: String

  @Option(name: .shortAndLong, help: "Trials at a time; the cores are shared among them.")
  var jobs = 1

  @Flag(help: "Continue the sweep, or join the processes that work on it.")
  var resume = false

  @Flag(help: "Show the trials, and train nothing.")
  var dryRun = false

  @Option(help: "The sweep's folder, instead of checkpoints/NAME.", completion: .directory, transform: expandingTilde)
  var sweepDir: String?

  @OptionGroup var json: JSONOption

  func validate() throws {
    try require((1...1024).contains(jobs), "--jobs \(jobs)", "1 to 1024")
  }

  func run() async throws {
    try await reportingFailures {
      let definition = try SweepDefinition(file: sweep)
      let folder = SweepFolder(name: definition.name, override: sweepDir)
      if dryRun { return try plan(definition) }
      let run = try SweepRun(definition, folder: folder, jobs: jobs, resumes: resume)
      let output = json.output
      let stop = StopRequest()
      let meter = SweepMeter(definition, folder: folder, output: output)
      let watch = SignalWatch(stop) { _ in meter.say("stopping: trials save a checkpoint; again stops at once") }
      defer { withExtendedLifetime(watch) {} }
      let (outcome, state) = try await run.run(stop: stop) { meter.show($0) }
      meter.finish(state)
      try finish(definition, folder, outcome, state)
    }
  }

  private func plan(_ definition: SweepDefinition) throws {
    let output = json.output
    let cores = CoreShares.shares(of: CoreShares.allowed, jobs: jobs)
    try definition.checkSpace(microBatches: cores[0].count)
    let plan = try SweepPlan(definition, microBatches: cores[0].count)
    output.sayLines(plan.description)
    output.result(plan.json)
  }

  private func finish(
    _ definition: SweepDefinition, _ folder: SweepFolder, _ outcome: SweepRun.Outcome, _ state: SweepState
  ) throws {
    let output = json.output
    let results = SweepResults(definition, state, folder: folder)
    try results.write()
    output.sayLines(results.summary)
    if case .ended(let end) = outcome, let left = results.leftOut(by: end) { output.say(left) }
    output.say("sweep folder: \(folder.url.relativePath) (report.html, trials.csv, journal.jsonl, trials)")
    var members = results.json.members ?? []
    switch outcome {
    case .ended(let end):
      members.append(.init("end", .string(end.rawValue)))
      members.append(.init("unfinished_trials", .integer(results.unfinishedCount)))
      members.append(.init("untried_points", .integer(end == .complete ? 0 : results.untriedCount)))
    case .interrupted: members.append(.init("end", .string("interrupted")))
    }
    output.result(JSON(.object(members)))
    if case .interrupted(let signal) = outcome {
      Output.note("troupe: stopped by \(signalName(signal)), trials are saved; continue with --resume")
      throw ExitCode(128 + signal)
    }
    if results.failedCount > 0 {
      let trials = results.failedCount == 1 ? "1 trial has" : "\(results.failedCount) trials have"
      throw CommandFailure("\(trials) failed; \(results.firstFailure ?? "see trials.csv")", 4)
    }
  }
}

struct SweepReportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Write a page and a table about a sweep: ranking, importance of parameters, curves.",
    discussion: """
      Examples:
        troupe sweep report checkpoints/depth-activation-norm
        troupe sweep report checkpoints/depth-activation-norm --csv ranking.csv
      """)

  @Argument(help: "The sweep's folder.", completion: .directory, transform: expandingTilde)
  var folder: String

  @Option(
    name: .shortAndLong, help: "The page; by default report.html in the sweep's folder.", completion: .file(),
    transform: expandingTilde)
  var output: String?

  @Option(
    help: "The table; by default trials.csv in the sweep's folder.", completion: .file(), transform: expandingTilde)
  var csv: String?

  @OptionGroup var json: JSONOption

  func run() async throws {
    try await reportingFailures {
      let place = SweepFolder(URL(fileURLWithPath: folder, isDirectory: true))
      let results = try SweepResults(reading: place)
      try results.write(page: output, table: csv)
      json.output.sayLines(results.summary)
      json.output.say("wrote \(output ?? place.url.appending(path: Report.fileName).relativePath)")
      json.output.result(results.json)
    }
  }
}
