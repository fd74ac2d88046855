import ArgumentParser
import Foundation

/// How pictures are drawn out of noise, and where they go.
struct PictureOptions: ParsableArguments {
  static let defaultCount = 16
  /// Of classes in turns: about so many altogether, the same number of each.
  static let defaultCountOfAll = 64
  static let mostPictures = 1_000_000

  @OptionGroup var process: SamplerOptions

  @Option(name: .customLong("class"), help: "A class's name or number, or all (the default); may be repeated.")
  var classes: [String] = []

  @Option(
    name: .shortAndLong, help: "The file of all pictures as a grid; by default samples.png in the run folder.",
    completion: .file(extensions: ["png"]))
  var output: String?

  @Option(help: "A new or empty folder for each picture as a PNG file of its own.", completion: .directory)
  var files: String?

  @Option(
    help: "Draw the way from noise to picture as a strip into a PNG file.", completion: .file(extensions: ["png"]))
  var trajectory: String?

  @OptionGroup var lanes: LanesOption

  func validate() throws {
    try require(
      classes.count <= 1 || !classes.contains("all"), "--class all", "nothing beside it, because it means every class")
    try require(output == nil || output != trajectory, "--output and --trajectory", "different files")
  }

  /// What is of no use to a language model, and whether it is there.
  var all: [(String, Bool)] {
    process.all + [
      ("--class", !classes.isEmpty), ("--output", output != nil), ("--files", files != nil),
      ("--trajectory", trajectory != nil), ("--lanes", lanes.lanes != nil),
    ]
  }
}
