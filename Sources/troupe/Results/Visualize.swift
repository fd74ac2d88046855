import ArgumentParser
import Formats
import Foundation
import Inference
import JSON
import Runs

struct Visualize: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Draw the filters of an image model, or the outputs of a layer for an image.",
    discussion: """
      Examples:
        troupe visualize filters checkpoints/mlp-relu
        troupe visualize features checkpoints/resnet20 cat.jpg --layer layer1.0
      """,
    subcommands: [Filters.self, Features.self])

  struct Filters: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Draw a layer's filters into a PNG file.",
      discussion: """
        Examples:
          troupe visualize filters checkpoints/mlp-relu
          troupe visualize filters checkpoints/resnet20 --layer layer1.0.conv1

        Every filter has its own scale: mid-gray is 0, black and white are its
        largest weights below and above. A linear layer on the image itself has one
        filter per unit: its weights of the pixels.
        """)

    @OptionGroup var source: RunSource

    @Option(help: "The layer; by default the first convolution, or else the first layer on the image.")
    var layer: String?

    @Option(
      name: .shortAndLong, help: "The file; by default filters-LAYER.png in the run folder.", completion: .file(),
      transform: expandingTilde)
    var output: String?

    @OptionGroup var json: JSONOption

    func run() async throws {
      try await reportingFailures {
        let stored = try source.stored(say: json.output.say)
        let sheet = try Predictor(stored).filters(of: layer)
        try sheet.write(to: output, or: "filters-\(sheet.layer).png", of: stored, json.output)
      }
    }
  }

  struct Features: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Draw the outputs of a layer for an image into a PNG file.",
      discussion: """
        Examples:
          troupe visualize features checkpoints/resnet20 cat.jpg --layer layer1.0
          troupe visualize features checkpoints/mlp-relu digit.png --layer hidden.0

        The image is adapted as for predict. Every map has its own scale, from its
        lowest value to its highest; the outputs of a layer without maps are drawn
        as one.
        """)

    @OptionGroup var source: RunSource

    @Argument(
      help: "A PNG or JPEG file.", completion: .file(extensions: ["png", "jpg", "jpeg"]), transform: expandingTilde)
    var image: String

    @Option(help: "The layer, as describe names it.")
    var layer: String

    @Option(
      name: .shortAndLong, help: "The file; by default features-LAYER.png in the run folder.", completion: .file(),
      transform: expandingTilde)
    var output: String?

    @OptionGroup var json: JSONOption

    func run() async throws {
      try await reportingFailures {
        let stored = try source.stored(say: json.output.say)
        let predictor = try Predictor(stored, keepsOutputs: true)
        let adapted = try predictor.adapt(file: image)
        let sheet = try predictor.features(of: layer, for: adapted)
        if !adapted.changes.isEmpty { json.output.say("\(image): \(adapted.changes.joined(separator: ", "))") }
        try sheet.write(to: output, or: "features-\(sheet.layer).png", of: stored, json.output)
      }
    }
  }
}

extension LayerSheet {
  /// Writes the file and reports it.
  fileprivate func write(to path: String?, or name: String, of stored: StoredRun, _ output: Output) throws {
    let file = path.map { URL(fileURLWithPath: $0) } ?? stored.folder.appending(path: name)
    try image.writePNG(to: file.path)
    let count = shown < total ? "\(shown) of \(total)" : "\(total)"
    output.say("\(layer): \(count) \(total == 1 ? "tile" : "tiles") (\(explanation))")
    output.say("wrote \(file.relativePath)")
    output.result(
      .object([
        ("file", .string(file.path)), ("layer", .string(layer)), ("shown", .integer(shown)), ("total", .integer(total)),
        ("width", .integer(image.width)), ("height", .integer(image.height)), ("step", .integer(stored.state.step)),
      ]))
  }
}
