import Data
import Foundation
import Metrics
import Models
import Runs

extension StoredRun {
  /// The result of an evaluation of a split, with the facts about its data.
  package struct Evaluated: Sendable {
    package let score: SplitScore
    /// Bits that the model needs to write a byte of the text down; nil where data are not text.
    package let bitsPerByte: Double?
    /// Of a classifier: counts, confusion and mistakes; nil for other models.
    package let record: EvaluationRecord?
    /// The samples that the data left out because they cannot be read; nil where there are none.
    package let skipped: SkippedSamples?
  }

  /// Evaluates one split on `lanes` threads.
  ///
  /// - Parameters:
  ///   - split: "validation", "test" or "train".
  ///   - views: the views of each image whose mean answer is judged; empty for samples as they are.
  ///   - allowsOtherData: whether other data than those of the training will do.
  ///   - say: receives messages about the data.
  package func evaluate(
    split: String, views: [ImageView] = [], lanes: Int, allowsOtherData: Bool = false,
    say: (String) -> Void = { _ in }
  ) throws -> Evaluated {
    let plan = try plan(lanes: lanes, allowsOtherData: allowsOtherData, say: say)
    guard views.isEmpty || plan.isClassifier && plan.data.showsImages else {
      throw RunError(
        .configuration,
        "\(folder.relativePath): only a classifier of images has several views of a sample; evaluate it without --views"
      )
    }
    let samples = try Self.samples(of: split, plan.data)
    let state = try modelState(plan.graph)
    let evaluation = Evaluation(
      samples, split: split, of: plan, after: self.state.step,
      usesAverage: configuration.training.average.isEnabled, views: views, judges: plan.isClassifier)
    evaluation.run(plan, state)
    if let failure = plan.data.source.failure { throw RunError("data: \(failure)") }
    let score = SplitScore(evaluation, of: plan)
    let bytes = score.perplexity == nil ? nil : plan.data.targetByteCount(samples)
    return Evaluated(
      score: score,
      bitsPerByte: bytes.map { score.loss * Double(score.count) / log(2) / Double(max(1, $0)) },
      record: evaluation.record(of: plan), skipped: plan.data.skipped)
  }

  private static func samples(of split: String, _ data: Dataset) throws(RunError) -> SampleSet {
    let splits = ["train": data.splits.training, "validation": data.splits.validation, "test": data.splits.test]
    guard let samples = splits[split] else {
      throw RunError(.configuration, "--split \(split): expected validation, test or train")
    }
    guard !samples.isEmpty else {
      throw RunError(
        .configuration, "--split \(split): the run's data have no such samples (data.\(split)_fraction is 0)")
    }
    return samples
  }
}

extension Evaluation {
  /// Evaluates every batch, on a thread per lane.
  package func run(_ plan: RunPlan, _ state: ModelState) {
    LaneThread.run(plan.tree.lanes, playing: plan.evaluationPlan, state) { lane, program in
      self.run(program, EvaluationBatch(plan), lane: lane)
    }
  }
}
