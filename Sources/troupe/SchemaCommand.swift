import ArgumentParser
import Configuration
import Foundation
import Pipeline

struct SchemaCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schema",
    abstract: "Print the JSON Schema of configurations, made from the decoder's own tables.",
    discussion: """
      Example:
        troupe schema > Configs/schema/train.schema.json
      """)

  func run() async throws {
    Output.write(ConfigurationSchema.train.prettyText + "\n", to: .standardOutput)
  }
}
