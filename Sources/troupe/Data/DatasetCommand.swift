import ArgumentParser
import Configuration
import Data
import Foundation

struct DatasetCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dataset", abstract: "Fetch public data sets, generate others, and inspect files.",
    discussion: """
      Examples:
        troupe dataset fetch mnist
        troupe dataset make glyphs Datasets/glyphs
        troupe dataset inspect Datasets/glyphs
        troupe dataset preview Configs/resnet20-cifar.json --output augmented.png
      """,
    subcommands: [Fetch.self, Make.self, Inspect.self, Preview.self])

  struct Make: AsyncParsableCommand {
    enum Kind: String, ExpressibleByArgument, CaseIterable { case glyphs, shapes }

    static let configuration = CommandConfiguration(
      abstract: "Draw a generated data set into IDX files.",
      discussion: """
        Examples:
          troupe dataset make glyphs Datasets/glyphs
          troupe dataset make shapes Datasets/shapes --count 5000 --seed 2
        """)

    @Argument(
      help: "glyphs: gray 28×28 digits drawn from strokes; shapes: 32×32 circles, squares, triangles, stars in color.")
    var kind: Kind

    @Argument(help: "The folder to write images and labels into.", completion: .directory, transform: expandingTilde)
    var folder: String

    @Option(help: "Samples.")
    var count = 10_000

    @Option(help: "The same seed draws the same bytes.")
    var seed: UInt64 = 1

    @Flag(help: "Replace files that exist.")
    var replace = false

    @OptionGroup var json: JSONOption

    func run() async throws {
      try await reportingFailures {
        guard (1...10_000_000).contains(count) else {
          throw CommandFailure("--count \(count): expected 1 to 10,000,000", 2)
        }
        let url = URL(fileURLWithPath: folder, isDirectory: true)
        switch kind {
        case .glyphs: try GlyphsData(count: count).write(to: url.path, seed: seed, replacing: replace)
        case .shapes: try ShapesData(count: count).write(to: url.path, seed: seed, replacing: replace)
        }
        json.output.say("drew \(count) \(kind == .glyphs ? "digits" : "shapes") into \(folder)")
        json.output.result(
          .object([("folder", .string(folder)), ("count", .integer(count)), ("seed", .integer(seed))]))
      }
    }
  }

  struct Inspect: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Describe a data file: kind, shapes, counts, classes, range, a preview.",
      discussion: """
        Examples:
          troupe dataset inspect Datasets/glyphs
          troupe dataset inspect table.csv --json
        """)

    @Argument(help: "A file or a folder.", completion: .file(), transform: expandingTilde)
    var path: String

    @OptionGroup var json: JSONOption

    func run() async throws {
      try await reportingFailures {
        let summary = try DatasetSummary.inspect(path)
        for line in summary.lines { json.output.say(line) }
        json.output.result(summary.json)
      }
    }
  }
}
