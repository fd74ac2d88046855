import ArgumentParser
import Configuration
import JSON
import Runs
import Sweeps

struct SchemaCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schema",
    abstract: "Print the JSON Schema of configurations or of sweep files.",
    discussion: """
      Examples:
        troupe schema > Configs/schema/train.schema.json
        troupe schema sweep > Configs/schema/sweep.schema.json
      """)

  enum Kind: String, ExpressibleByArgument, CaseIterable { case train, sweep }

  @Argument(help: "train or sweep: which kind of file.")
  var kind = Kind.train

  @OptionGroup var json: JSONOption

  func run() async throws {
    let schema = kind == .train ? ConfigurationSchema.train : SweepSchema.sweep
    if json.json { json.output.result(schema) } else { json.output.sayLines(schema.prettyText) }
  }
}
