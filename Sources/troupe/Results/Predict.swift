import ArgumentParser
import Foundation
import Inference
import JSON
import Runs

struct Predict: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Ask a trained classifier what is in pictures. Needs the checkpoint only, not the data.",
    discussion: """
      Examples:
        troupe predict checkpoints/mlp-relu digit.png
        troupe predict checkpoints/resnet20/step-00001000.h5 cat.jpg dog.jpg --top 3 --json

      PNG and JPEG. A picture is brought to the data's size and channels, then cropped, resized and standardised as
      evaluation does it. One that cannot be read is named on stderr; the others are answered all the same, and the exit
      code is 1.
      """)

  @OptionGroup var source: RunSource

  @Argument(help: "PNG or JPEG files.", completion: .file(extensions: ["png", "jpg", "jpeg"]))
  var images: [String]

  @Option(help: "Classes to name for each picture, the likeliest first.")
  var top = 5

  @OptionGroup var json: JSONOption

  func validate() throws {
    if top < 1 { throw ValidationError("--top \(top): expected at least 1") }
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
      // Every failure has been said already.
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
