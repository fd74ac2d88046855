import ArgumentParser
import Configuration
import Diagnostics
import Foundation
import JSON

struct Benchmark: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Time the steps of a configuration, or measure the limits of this machine.",
    discussion: """
      Examples:
        troupe benchmark Configs/benchmark/mlp50.json
        troupe benchmark Configs/benchmark/mlp50.json --lanes 1 --json
        troupe benchmark Configs/mnist.json --set training.precision=bfloat16
        troupe benchmark --ceilings
      """)

  @Argument(help: "A JSON configuration file.", completion: .file(extensions: ["json"]), transform: expandingTilde)
  var config: String?

  @OptionGroup var replaced: OverridesOption

  @Flag(help: "Measure products and memory of this machine.")
  var ceilings = false

  @Option(help: "Seconds to measure.")
  var seconds = 10.0

  @OptionGroup var lanes: LanesOption
  @OptionGroup var json: JSONOption

  func validate() throws {
    if ceilings == (config != nil) { throw ValidationError("expected either a configuration or --ceilings") }
    try require((0.01...86_400).contains(seconds), "--seconds \(seconds)", "0.01 to 86400")
  }

  func run() async throws {
    try await reportingFailures(overrides: replaced.overrides) {
      if let config {
        let timing = try await StepTiming.measure(
          replaced.json(of: config), lanes: lanes.count, seconds: seconds)
        json.output.sayLines(timing.description)
        json.output.result(timing.json)
      } else {
        let measured = Ceilings.measure(lanes: lanes.count)
        json.output.sayLines(measured.description)
        json.output.result(measured.json)
      }
    }
  }
}
