import ArgumentParser
import Configuration
import Diagnostics
import Foundation
import JSON

struct Benchmark: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Time the steps of a configuration, or measure what this machine can do at most.",
    discussion: """
      Examples:
        troupe benchmark Configs/benchmark/mlp50.json
        troupe benchmark Configs/benchmark/mlp50.json --set training.precision=bfloat16 --lanes 1 --json
        troupe benchmark --ceilings
      """)

  @Argument(help: "A JSON configuration file.", completion: .file(extensions: ["json"]))
  var config: String?

  @Option(name: .customLong("set"), help: "Replace a value, as for train. May be repeated.")
  var overrides: [String] = []

  @Flag(help: "Measure products and memory of this machine.")
  var ceilings = false

  @Option(help: "How long to measure.")
  var seconds = 10.0

  @OptionGroup var lanes: LanesOption
  @OptionGroup var json: JSONOption

  func validate() throws {
    if ceilings == (config != nil) { throw ValidationError("expected either a configuration or --ceilings") }
    if !(0.01...86_400).contains(seconds) { throw ValidationError("--seconds \(seconds): expected 0.01 to 86400") }
  }

  func run() async throws {
    try await reportingFailures {
      if let config {
        let timing = try await StepTiming.measure(
          ConfigurationOptions.json(config, overrides), lanes: lanes.count, seconds: seconds)
        json.output.say(timing.description)
        json.output.result(timing.json)
      } else {
        let measured = Ceilings.measure(lanes: lanes.count)
        json.output.say(measured.description)
        json.output.result(measured.json)
      }
    }
  }
}
