import ArgumentParser
import Data
import Runs

struct Describe: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show a configuration's layers, memory, disk space, arithmetic and learning rate; train nothing.",
    discussion: """
      Examples:
        troupe describe Configs/mlp-relu.json
        troupe describe Configs/mlp-relu.json --set model.width=512 --json
      """)

  @OptionGroup var source: ConfigurationOptions
  @OptionGroup var lanes: LanesOption
  @OptionGroup var json: JSONOption

  func run() async throws {
    try await reportingFailures(overrides: source.overrides) {
      let configuration = try RunConfiguration(source.json()).resolvingMicroBatches()
      let data = try Dataset(describing: configuration.data, runSeed: configuration.seed)
      let plan = try RunPlan(configuration, data: data, lanes: lanes.count)
      try plan.checkFields()
      try plan.checkPools()
      if let skipped = data.skipped { json.output.say(skipped.description) }
      json.output.sayLines(plan.description)
      json.output.result(plan.json)
    }
  }
}
