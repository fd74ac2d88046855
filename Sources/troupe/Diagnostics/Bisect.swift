import ArgumentParser
import Diagnostics
import Foundation
import Runs

struct Bisect: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Find the first step, layer and tensor in which two runs differ.",
    discussion: """
      Examples:
        troupe bisect checkpoints/mlp-relu checkpoints/mlp-relu.old-1
        troupe bisect checkpoints/a checkpoints/b --json

      Compares the records and checkpoints of both runs, then repeats their steps
      from the newest checkpoint that is the same in both (or from the first step),
      side by side in memory, and compares every result bit by bit: data, every
      layer forward and backward, gradients, parameters, optimizer state. Needs the
      data of the runs; writes nothing.
      """)

  @Argument(help: "A run folder.", completion: .directory, transform: expandingTilde)
  var first: String

  @Argument(help: "Another run folder.", completion: .directory, transform: expandingTilde)
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
