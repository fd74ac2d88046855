import ArgumentParser
import Diagnostics
import Foundation
import Runs

struct Bisect: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Find the first step, layer and tensor at which two runs part.",
    discussion: """
      Compares the records and checkpoints of both runs, then plays their configurations again from the newest checkpoint
      that is the same in both (or from the first step), side by side in memory, and compares everything they compute bit by
      bit: data, every layer forwards and backwards, gradients, parameters, optimizer state. Needs the runs' data; writes
      nothing.

      Examples:
        troupe bisect checkpoints/mlp-relu checkpoints/mlp-relu.old-1
        troupe bisect checkpoints/a checkpoints/b --json
      """)

  @Argument(help: "A run folder.", completion: .directory)
  var first: String

  @Argument(help: "Another run folder.", completion: .directory)
  var second: String

  @OptionGroup var json: JSONOption

  func run() async throws {
    try await reportingFailures {
      let folders = try [first, second].map { run throws(RunError) in try StoredRun.folder(run) }
      let bisection = try await RunBisection.find(folders[0], folders[1], say: json.output.say)
      for line in bisection.lines { json.output.say(line) }
      json.output.result(bisection.json)
    }
  }
}
