import Checkpoints
import Configuration
import Data
import Foundation
import Inference
import Metrics
import Training

/// A run that is on the disk, looked at without training on: its configuration and one of its checkpoints.
package struct StoredRun: Sendable {
  package let folder: URL
  package let configuration: RunConfiguration
  package let checkpoint: CheckpointSummary
  package let state: RunState

  /// Which checkpoint to look at.
  package enum Choice: Sendable, Equatable {
    case newest, best
    case step(Int)

    package init?(_ text: String) {
      switch text {
      case "newest": self = .newest
      case "best": self = .best
      default:
        guard let step = Int(text), step >= 0 else { return nil }
        self = .step(step)
      }
    }
  }

  /// - Parameters:
  ///   - path: a run folder, or one of its checkpoint files.
  ///   - say: told of damaged checkpoints that were passed over.
  package init(_ path: String, _ choice: Choice = .newest, say: (String) -> Void) throws {
    let url = URL(fileURLWithPath: path)
    if url.pathExtension == "h5" {
      folder = url.deletingLastPathComponent()
      checkpoint = try CheckpointFile.verify(at: url)
    } else {
      folder = try Self.folder(path)
      guard let newest = try CheckpointFolder(url).newestGood(report: say) else {
        throw RunError("\(path): expected a run's folder with a checkpoint in it, found no good one")
      }
      checkpoint = try Self.choose(choice, newest, in: url)
    }
    configuration = try checkpoint.metadata.configuration(of: checkpoint.url)
    state = try checkpoint.metadata.runState(of: checkpoint.url)
  }

  /// The folder at `path`, which must be there: everything else can then be said of a run.
  package static func folder(_ path: String) throws(RunError) -> URL {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw RunError(.configuration, "\(path): expected a run folder or a checkpoint, found nothing of that name")
    }
    guard isFolder.boolValue else {
      throw RunError(.configuration, "\(path): expected a run folder or a checkpoint (.h5), found another file")
    }
    return URL(fileURLWithPath: path, isDirectory: true)
  }

  private static func choose(
    _ choice: Choice, _ newest: CheckpointSummary, in folder: URL
  ) throws -> CheckpointSummary {
    let step: Int
    switch choice {
    case .newest: return newest
    case .step(let wanted):
      step = wanted
      let steps = try CheckpointFolder(folder).all().map(\.step)
      guard steps.contains(wanted) else {
        let known = steps.map(String.init).joined(separator: ", ")
        throw RunError(
          .configuration, "\(folder.relativePath): no checkpoint of step \(wanted); there are \(known)")
      }
    case .best:
      guard let best = try newest.metadata.runState(of: newest.url).best.first else {
        throw RunError(
          "\(folder.path): no checkpoint was ever the best (none was written right after an evaluation); use newest")
      }
      step = best.step
    }
    return try CheckpointFile.verify(at: folder.appending(path: CheckpointFile.name(step: step)))
  }

  /// The model with the checkpoint's parameters, ready to evaluate.
  ///
  /// - Parameter say: told what a person should know of the data.
  package func model(lanes: Int, say: (String) -> Void = { _ in }) throws -> RunModel {
    let data = try configuration.openData(standardization: checkpoint.metadata.standardization(of: checkpoint.url), say: say)
    try checkpoint.metadata.checkTokenizer(data, of: checkpoint.url)
    let model = RunModel(try RunPlan(configuration, data: data, lanes: lanes), trains: false)
    _ = try CheckpointFile.read(at: checkpoint.url, into: model.evaluatedTensors, match: .subset)
    model.state.refreshShadows()
    return model
  }

  /// Evaluates one split.
  ///
  /// - Parameters:
  ///   - split: "validation", "test" or "train".
  ///   - views: the ways of showing each picture to a classifier, whose mean answer is judged; empty for samples as they
  ///     are.
  ///   - say: told what a person should know of the data.
  package func evaluate(
    split: String, views: [ImageView] = [], lanes: Int, say: (String) -> Void = { _ in }
  ) async throws -> Evaluated {
    let model = try model(lanes: lanes, say: say)
    guard views.isEmpty || model.plan.isClassifier && model.data.showsPictures else {
      throw RunError(
        .configuration,
        "\(folder.relativePath): only a classifier of pictures has several views of a sample; evaluate it without --views"
      )
    }
    let splits = model.data.splits
    let samples = ["train": splits.training, "validation": splits.validation, "test": splits.test][split]
    guard let samples else { throw RunError(.configuration, "--split \(split): expected validation, test or train") }
    guard !samples.isEmpty else {
      throw RunError(
        .configuration, "--split \(split): the run's data have no such samples (data.\(split)_fraction is 0)")
    }
    let run = TrainingRun(
      model: model,
      purpose: .evaluate(samples, split: split, usesAverage: model.update.average != nil, views: views), folder: nil,
      start: .init(state: state, isResumed: false))
    let result = try await run.run()
    if case .failed(let reason) = result.outcome { throw RunError(reason) }
    guard let validation = result.validation else { throw RunError("\(folder.path): the evaluation gave no result") }
    let bytes = validation.perplexity == nil ? nil : model.data.targetByteCount(samples)
    return Evaluated(
      score: validation,
      bitsPerByte: bytes.map { validation.loss * Double(validation.count) / log(2) / Double(max(1, $0)) },
      record: result.evaluation.flatMap(model.record(of:)), skipped: model.data.skipped)
  }

  /// What an evaluation of a split found.
  package struct Evaluated: Sendable {
    package let score: SplitScore
    /// What the model needs to write a byte of the text down; nil where data are not text.
    package let bitsPerByte: Double?
    /// What there is to say about a classifier; nil for other models.
    package let record: EvaluationRecord?
    /// What the data left out because it cannot be read; nil where they left out nothing.
    package let skipped: SkippedSamples?
  }

  /// Whether the checkpoint lies in its run's folder, which evaluations are kept in.
  package var isInRunFolder: Bool { RunFolder.holdsRun(folder) }
}
