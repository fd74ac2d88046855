import ArgumentParser
import Checkpoints
import Configuration
import Foundation

struct Export: AsyncParsableCommand {
  enum Format: String, ExpressibleByArgument, CaseIterable { case safetensors }

  static let configuration = CommandConfiguration(
    abstract: "Write a model's parameters for other programs, with PyTorch's names and shapes.",
    discussion: """
      Examples:
        troupe export checkpoints/mlp-relu --format safetensors
        troupe export checkpoints/mlp-relu --output relu.safetensors

      In Python:
        model.load_state_dict(safetensors.torch.load_file("relu.safetensors"))
      """)

  @OptionGroup var source: RunSource

  @Option(help: "safetensors.")
  var format = Format.safetensors

  @Option(
    name: .shortAndLong, help: "The file; by default model.safetensors in the run folder.", completion: .file(),
    transform: expandingTilde)
  var output: String?

  @OptionGroup var json: JSONOption

  func run() async throws {
    try await reportingFailures {
      let stored = try source.stored(say: json.output.say)
      let graph = try stored.graph()
      let file = output.map { URL(fileURLWithPath: $0) } ?? stored.folder.appending(path: "model.safetensors")
      let count = try stored.modelState(graph).export(to: file, step: stored.state.step)
      json.output.say("wrote \(count) tensors of step \(stored.state.step) to \(file.relativePath)")
      json.output.result(
        .object([
          ("file", .string(file.path)), ("step", .integer(stored.state.step)), ("tensors", .integer(count)),
          ("parameters_digest", .string(try stored.modelState(graph, usesAverage: false).digest)),
        ]))
    }
  }
}
