import ArgumentParser
import Foundation

/// The way from noise to images, and the files for them.
struct ImageOptions: ParsableArguments {
  static let defaultCount = 16
  /// The total over all classes, about, with the same number of each.
  static let defaultCountOfAll = 64
  static let mostImages = 1_000_000

  @OptionGroup var process: SamplerOptions

  @Option(name: .customLong("class"), help: "A class's name or number, or all (the default); may be repeated.")
  var classes: [String] = []

  @Option(
    name: .shortAndLong, help: "The file of all images as a grid; by default samples.png in the run folder.",
    completion: .file(extensions: ["png"]), transform: expandingTilde)
  var output: String?

  @Option(
    help: "A new or empty folder for each image in its own PNG file.", completion: .directory, transform: expandingTilde
  )
  var files: String?

  @Option(
    help: "Draw the way from noise to image as a strip into a PNG file.", completion: .file(extensions: ["png"]),
    transform: expandingTilde)
  var trajectory: String?

  @OptionGroup var lanes: LanesOption

  func validate() throws {
    try require(
      classes.count <= 1 || !classes.contains("all"), "--class all", "nothing beside it, because it means every class")
    try require(output == nil || output != trajectory, "--output and --trajectory", "different files")
  }

  /// Options that have no effect on a language model.
  var given: [GivenOption] {
    process.given + [
      ("--class", !classes.isEmpty), ("--output", output != nil), ("--files", files != nil),
      ("--trajectory", trajectory != nil), ("--lanes", lanes.lanes != nil),
    ]
  }
}
