import ArgumentParser
import Configuration
import Foundation
import Pipeline

struct Evaluate: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Loss and accuracy of a trained model on held-out samples.",
    discussion: """
      Examples:
        troupe evaluate checkpoints/mlp-relu
        troupe evaluate checkpoints/mlp-relu --split validation --checkpoint best --json
      """)

  @Argument(help: "A run folder, or one of its checkpoint files.", completion: .directory)
  var run: String

  @Option(help: "test, validation or train.")
  var split = "test"

  @Option(help: "newest, best, or a step's number.")
  var checkpoint = "newest"

  @OptionGroup var lanes: LanesOption
  @OptionGroup var json: JSONOption

  func run() async throws {
    try await reportingFailures {
      guard let choice = StoredRun.Choice(checkpoint) else {
        throw CommandFailure("--checkpoint \(checkpoint): expected newest, best or a step's number", 2)
      }
      let stored = try StoredRun(run, choice, say: json.output.say)
      let result = try await stored.evaluate(split: split, lanes: lanes.count)
      let accuracy = result.accuracy.map { String(format: ", accuracy %.2f%%", 100 * $0) } ?? ""
      json.output.say(
        String(
          format: "%@ at step %d, %@: loss %.4f%@ over %d samples", stored.configuration.name, stored.state.step, split,
          result.loss, accuracy, result.count))
      json.output.result(
        .object([
          ("run", .string(run)), ("step", .integer(stored.state.step)), ("split", .string(split)),
          ("loss", .number(result.loss)), ("accuracy", result.accuracy.map { .number($0) } ?? .null),
          ("count", .integer(result.count)),
        ]))
    }
  }
}
