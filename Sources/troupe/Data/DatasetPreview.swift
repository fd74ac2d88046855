import ArgumentParser
import Configuration
import Data
import Formats
import JSON
import Runs
import Tokenizers

extension DatasetCommand {
  struct Preview: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show samples as training sees them: augmented images, windows of text.",
      discussion: """
        Examples:
          troupe dataset preview Configs/resnet20-cifar.json --output augmented.png
          troupe dataset preview Configs/gpt-shakespeare.json --samples 2

        A row of the image is a sample: first as in evaluation, then in each epoch.
        Text is printed.
        """)

    @OptionGroup var source: ConfigurationOptions

    @Option(
      help: "The PNG file to write, of images.", completion: .file(extensions: ["png"]), transform: expandingTilde)
    var output: String?

    @Option(help: "Samples to show.")
    var samples = 8

    @Option(help: "Epochs to show of each.")
    var epochs = 8

    @OptionGroup var json: JSONOption

    func validate() throws {
      try require((1...1000).contains(samples), "--samples \(samples)", "1 to 1000")
      try require((0...1000).contains(epochs), "--epochs \(epochs)", "0 to 1000")
    }

    func run() async throws {
      try await reportingFailures(overrides: source.overrides) {
        let configuration = try RunConfiguration(source.json())
        let data = try Dataset(opening: configuration.data, runSeed: configuration.seed)
        if let skipped = data.skipped { json.output.say(skipped.description) }
        if let tokenizer = data.tokenizer { return try printText(data, tokenizer) }
        guard let output else { throw CommandFailure("--output: expected the PNG file to draw the samples into", 2) }
        let sheet = try data.preview(samples: samples, epochs: epochs)
        do {
          try sheet.writePNG(to: output)
        } catch {
          throw CommandFailure("\(error)", 1)
        }
        json.output.say("drew \(min(samples, data.splits.training.count)) samples in \(epochs) epochs into \(output)")
        json.output.result(
          .object([("file", .string(output)), ("width", .integer(sheet.width)), ("height", .integer(sheet.height))]))
      }
    }

    private func printText(_ data: Dataset, _ tokenizer: Tokenizer) throws(DataError) {
      let shown = try data.textPreview(samples: samples)
      let splits = data.splits
      json.output.say(
        "\(data.name): \(tokenizer.summary); samples: \(splits.training.count) to train on, "
          + "\(splits.validation.count) to validate, \(splits.test.count) for the test")
      for sample in shown {
        for (field, text) in sample { json.output.say("  \(field): \(JSON.quoted(text))") }
      }
      let texts = shown.map { JSON.object($0.map { ($0.field, .string($0.text)) }) }
      json.output.result(
        .object([
          ("tokenizer", .string(tokenizer.kind)), ("vocabulary", .integer(tokenizer.vocabularySize)),
          ("training", .integer(splits.training.count)), ("validation", .integer(splits.validation.count)),
          ("test", .integer(splits.test.count)), ("samples", .array(texts)),
        ]))
    }
  }
}
