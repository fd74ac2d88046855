import ArgumentParser
import Foundation
import Inference
import JSON
import Runs

struct Predict: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Classify images with a trained model, from its checkpoint alone.",
    discussion: """
      Examples:
        troupe predict checkpoints/mlp-relu digit.png
        troupe predict checkpoints/resnet20 cat.jpg dog.jpg --top 3 --json
        troupe predict checkpoints/resnet20/step-00001000.h5 cat.jpg

      An image is brought to the size and channels of the data, then cropped,
      resized and standardized as in evaluation. One that cannot be read is named
      on stderr; the others are classified all the same, and the exit code is 1.
      """)

  @OptionGroup var source: RunSource

  @Argument(
    help: "PNG or JPEG files.", completion: .file(extensions: ["png", "jpg", "jpeg"]), transform: expandingTilde)
  var images: [String]

  @Option(help: "Classes to name for each image, the likeliest first.")
  var top = 5

  @OptionGroup var json: JSONOption

  func validate() throws {
    try require(top >= 1, "--top \(top)", "at least 1")
  }

  func run() async throws {
    try await reportingFailures {
      let stored = try source.stored(say: json.output.say)
      let predictor = try Predictor(stored)
      var results: [JSON] = []
      var failures = 0
      for path in images {
        do throws(RunError) {
          let adapted = try predictor.adapt(file: path)
          let answers = Array(predictor.predict(adapted).prefix(top))
          show(path, adapted, answers)
          results.append(result(path, adapted, answers))
        } catch {
          failures += 1
          Output.complain(error.description)
          results.append(.object([("file", .string(path)), ("error", .string(error.description))]))
        }
      }
      json.output.result(
        .object([
          ("run", .string(source.run)), ("step", .integer(stored.state.step)), ("predictions", .array(results)),
        ]))
      // The failures are on stderr already.
      if failures > 0 { throw ExitCode.failure }
    }
  }

  private func show(_ path: String, _ adapted: Predictor.Adapted, _ answers: [Predictor.Answer]) {
    let changes = adapted.changes.isEmpty ? "" : " (\(adapted.changes.joined(separator: ", ")))"
    json.output.say("\(path)\(changes)")
    for answer in answers { json.output.say(String(format: "  %6.2f%%  %@", 100 * answer.probability, answer.name)) }
  }

  private func result(_ path: String, _ adapted: Predictor.Adapted, _ answers: [Predictor.Answer]) -> JSON {
    .object([
      ("file", .string(path)), ("changes", .array(adapted.changes.map { .string($0) })),
      (
        "classes",
        .array(
          answers.map {
            .object([
              ("label", .integer($0.label)), ("name", .string($0.name)), ("probability", .number($0.probability)),
            ])
          })
      ),
    ])
  }
}
