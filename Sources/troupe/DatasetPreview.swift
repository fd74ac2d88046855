import ArgumentParser
import Configuration
import DataReading
import ImageFiles
import Pipeline

extension DatasetCommand {
  struct Preview: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Draw samples as training sees them: augmented and mixed, epoch by epoch.",
      discussion: """
        A row of the picture is a sample: first as evaluation sees it, then in each epoch.

        Example:
          troupe dataset preview Configs/resnet20-cifar.json --output augmented.png
        """)

    @OptionGroup var source: ConfigurationOptions

    @Option(help: "The PNG file to write.", completion: .file(extensions: ["png"]))
    var output: String

    @Option(help: "Samples to show.")
    var samples = 8

    @Option(help: "Epochs to show of each.")
    var epochs = 8

    @OptionGroup var json: JSONOption

    func run() async throws {
      try await reportingFailures {
        guard (1...1000).contains(samples) else { throw CommandFailure("--samples \(samples): expected 1 to 1000", 2) }
        guard (0...1000).contains(epochs) else { throw CommandFailure("--epochs \(epochs): expected 0 to 1000", 2) }
        let configuration = try RunConfiguration(source.json())
        let data = try Dataset(opening: configuration.data, runSeed: configuration.seed)
        let sheet = try data.preview(samples: samples, epochs: epochs)
        do throws(ImageError) {
          try sheet.writePNG(to: output)
        } catch {
          throw CommandFailure(error.description, 1)
        }
        json.output.say("drew \(min(samples, data.splits.training.count)) samples in \(epochs) epochs into \(output)")
        json.output.result(
          .object([("file", .string(output)), ("width", .integer(sheet.width)), ("height", .integer(sheet.height))]))
      }
    }
  }
}
