import ArgumentParser
import Configuration
import Diagnostics
import Foundation

struct VerifyResume: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify-resume",
    abstract: "Prove that a stop and a resume change no bit of a run.",
    discussion: """
      Examples:
        troupe verify-resume Configs/mlp-relu.json
        troupe verify-resume Configs/mlp-relu.json --at 50 --steps 100

      Trains twice in a temporary folder: once without a stop, once stopped after
      --at steps and resumed on another number of lanes. Then compares the records
      of every step and every tensor.
      """)

  @OptionGroup var source: ConfigurationOptions

  @Option(help: "Steps before the stop.")
  var at = 50

  @Option(help: "Steps in all.")
  var steps = 100

  @OptionGroup var lanes: LanesOption
  @OptionGroup var json: JSONOption

  func validate() throws {
    if at < 1 || steps <= at { throw ValidationError("expected 1 <= --at < --steps, got --at \(at) --steps \(steps)") }
  }

  func run() async throws {
    try await reportingFailures(overrides: source.overrides) {
      let verdict = try await ResumeProof.run(
        source.json(), stopAt: at, steps: steps, lanes: lanes.count, say: json.output.say)
      json.output.say(verdict.description)
      json.output.result(verdict.json)
      if !verdict.isEqual { throw CommandFailure(verdict.description, 5) }
    }
  }
}
