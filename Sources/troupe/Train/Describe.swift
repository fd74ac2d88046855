import ArgumentParser
import Data
import Runs

struct Describe: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show what a configuration would do: layers, memory, disk, arithmetic, learning rate. Trains nothing.",
    discussion: """
      Examples:
        troupe describe Configs/mlp-relu.json
        troupe describe Configs/mlp-relu.json --set model.width=512 --json
      """)

  @OptionGroup var source: ConfigurationOptions
  @OptionGroup var lanes: LanesOption
  @OptionGroup var json: JSONOption

  func run() async throws {
    try await reportingFailures {
      let configuration = try RunConfiguration(source.json()).resolvingMicroBatches()
      let data = try Dataset(opening: configuration.data, runSeed: configuration.seed)
      let plan = try RunPlan(configuration, data: data, lanes: lanes.count)
      try plan.checkFields()
      if let skipped = data.skipped { json.output.say(skipped.description) }
      json.output.say(plan.description)
      json.output.result(plan.json)
    }
  }
}
