import ArgumentParser
import Data
import Foundation
import JSON
import Metrics
import Runs

struct Evaluate: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure a trained model on held-out samples, or the images of a diffusion model.",
    discussion: """
      Examples:
        troupe evaluate checkpoints/mlp-relu
        troupe evaluate checkpoints/mlp-relu --split validation --checkpoint best
        troupe evaluate checkpoints/resnet20-cifar --views ten-crop
        troupe evaluate checkpoints/ddpm-glyphs --classifier checkpoints/cnn-glyphs

      A classifier's confusion matrix and worst mistakes go to
      evaluation-SPLIT.json in the run folder, in place of those of an earlier
      evaluation of the split; troupe report draws them.

      With --classifier a diffusion model draws images, which the classifier of
      another run judges: the share that it recognizes as the class that was asked
      for, and the distance of the images from real ones in the features of its
      last layer. Several may judge, such as one of shapes and one of colors.
      """)

  @OptionGroup var source: RunSource

  @Option(
    help: "test, validation or train (default test; of --classifier validation, or train where that is too small).")
  var split: String?

  @Option(
    help: """
      Shows a classifier each image in several ways and judges the mean of its answers (test-time augmentation): flip \
      is the image and its mirror image, ten-crop the middle and the corners of the image in a border of one pixel, \
      and their mirror images. The loss is that of the mean, neither smoothed nor weighted. Not for images whose mirror \
      image means something else, such as digits.
      """)
  var views: ImageViews?

  @Flag(
    help: """
      Evaluates data that are not those that the run was trained on, such as a new test file; samples of its \
      validation split may then have been trained on. Classes and tokens must be the same.
      """)
  var otherData = false

  @Option(
    help: "A run whose classifier judges the images of a diffusion model; may be repeated.", completion: .directory,
    transform: expandingTilde)
  var classifier: [String] = []

  @Option(help: "Of --classifier: images to draw (default 1000).")
  var count: Int?

  @Option(help: "Of --classifier: the same seed gives the same images (default 1337).")
  var seed: UInt64?

  @OptionGroup(title: "Options of --classifier") var process: SamplerOptions

  @OptionGroup var moved: MovedDataOption
  @OptionGroup var lanes: LanesOption
  @OptionGroup var json: JSONOption

  func validate() throws {
    if classifier.isEmpty {
      try refuse([("--count", count != nil), ("--seed", seed != nil)] + process.given, "without --classifier")
    } else {
      try refuse([("--views", views != nil)], "with --classifier")
    }
  }

  func run() async throws {
    try await reportingFailures(overrides: moved.places) {
      let stored = try source.stored(places: moved.places, say: json.output.say)
      if !classifier.isEmpty { return try judgeImages(stored) }
      let split = split ?? "test"
      let views = views?.list ?? []
      let result = try stored.evaluate(
        split: split, views: views, lanes: lanes.count, allowsOtherData: otherData, say: json.output.say)
      let bits = result.bitsPerByte.map { String(format: ", %.3f bits per byte", $0) } ?? ""
      let top = result.record?.topAccuracy.map { String(format: ", top-5 %.2f%%", 100 * $0) } ?? ""
      json.output.say(
        String(
          format: "%@ at step %d, %@: %@%@%@ over %d %@%@", stored.configuration.name, stored.state.step, split,
          result.score.text, top, bits, result.score.count, result.score.perplexity == nil ? "samples" : "tokens",
          views.isEmpty ? "" : ", the mean of \(views.count) views of each" + lossNote(stored)))
      if let levels = result.score.noiseLevelText { json.output.say(levels) }
      let file = result.record.flatMap { show($0, of: stored) }
      json.output.result(
        .object(
          [("run", .string(source.run)), ("step", .integer(stored.state.step)), ("split", .string(split))]
            + result.score.json
            + [
              ("views", .integer(max(1, views.count))),
              ("top5_accuracy", result.record?.topAccuracy.map { .number($0) } ?? .null),
              ("bits_per_byte", result.bitsPerByte.map { .number($0) } ?? .null),
              ("evaluation_file", file.map { .string($0.path) } ?? .null),
              ("skipped_samples", result.skipped?.json ?? .null),
            ]))
    }
  }

  /// Prints the classes and keeps the evaluation.
  ///
  /// - Returns: its file; nil where it could not be written, which is printed and hides no result.
  private func show(_ record: EvaluationRecord, of stored: StoredRun) -> URL? {
    for line in ClassTable.lines(of: record) { json.output.say(line) }
    guard stored.isInRunFolder else {
      json.output.say("the checkpoint is not in its run's folder: confusion matrix and mistakes are not kept")
      return nil
    }
    do throws(RecordsError) {
      let (file, replaced) = try EvaluationFile.write(record, to: stored.folder)
      let old = replaced.flatMap { difference(of: $0, from: record) } ?? ""
      json.output.say("confusion matrix and mistakes: \(file.relativePath)\(old) (troupe report draws them)")
      return file
    } catch {
      json.output.say("confusion matrix and mistakes are not kept: \(error)")
      return nil
    }
  }

  /// A remark where the run minimized another loss than the plain one, with which the mean answer is scored.
  private func lossNote(_ stored: StoredRun) -> String {
    stored.configuration.loss.isPlain ? "" : " (its loss neither smoothed nor weighted)"
  }

  /// A remark on the evaluation that was replaced; nil for one of the same model and views.
  private func difference(of old: EvaluationRecord, from new: EvaluationRecord) -> String? {
    if old.step != new.step { return ", in place of step \(old.step)'s" }
    guard old.views != new.views else { return nil }
    return ", in place of those of \(old.views == 1 ? "one view" : "\(old.views) views")"
  }
}

/// The value of --views.
enum ImageViews: String, CaseIterable, ExpressibleByArgument {
  case flip
  case tenCrop = "ten-crop"

  var list: [ImageView] {
    switch self {
    case .flip: ImageView.flip
    case .tenCrop: ImageView.tenCrop
    }
  }
}
