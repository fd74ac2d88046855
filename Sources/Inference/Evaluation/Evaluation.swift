import Data
import Kernels
import Models
import Runs
import Tensors

/// The evaluation of one split: every sample exactly once, whatever the number of lanes.
///
/// It adds up losses. The last evaluation of a run also keeps a classifier's judgement of every sample.
package final class Evaluation: Sendable {
  package let samples: SampleSet
  package let split: String
  /// The number of training steps before the evaluation.
  package let step: Int
  /// Whether the moving average of the parameters is evaluated.
  package let usesAverage: Bool
  /// The views of every image whose mean prediction is judged; empty for samples as they are.
  package let views: [ImageView]
  /// By position in the split; nil unless requested.
  package let judgements: SharedArray<ClassJudgement>?
  /// The losses of a denoiser by batch and level.
  private let levels: SharedArray<LossSums>?
  private let data: Dataset
  private let rows: Int
  private let lanes: Int
  private let results: SharedArray<LossSums>

  /// - Parameters:
  ///   - views: only for a classifier of images. The loss is then that of the mean prediction, neither smoothed nor
  ///     weighted.
  ///   - judges: whether to keep judgements; only for a plan with `isClassifier`.
  package init(
    _ samples: SampleSet, split: String, of plan: RunPlan, after step: Int, usesAverage: Bool,
    views: [ImageView] = [], judges: Bool
  ) {
    precondition(!judges || plan.isClassifier)
    precondition(views.isEmpty || judges && plan.data.showsImages)
    self.views = views
    self.samples = samples
    self.split = split
    self.step = step
    self.usesAverage = usesAverage
    data = plan.data
    rows = plan.rows
    lanes = plan.tree.lanes
    results = SharedArray(repeating: LossSums(), count: (samples.count + rows - 1) / rows)
    levels =
      data.forwardProcess == nil ? nil : SharedArray(repeating: LossSums(), count: results.count * NoiseLevels.count)
    judgements = judges ? SharedArray(repeating: ClassJudgement(), count: samples.count) : nil
  }

  /// Evaluates every `lanes`-th batch.
  package func run(_ program: LaneProgram, _ buffer: EvaluationBatch, lane: Int) {
    let judge = judgements.flatMap { _ in BatchJudge(program, of: data) }
    let tally = NoiseLevelTally(program, of: data)
    let mean = views.isEmpty ? nil : judge.map { MeanPrediction(rows: rows, classes: $0.classes) }
    for batch in stride(from: lane, to: results.count, by: lanes) {
      let first = batch * rows
      let count = min(rows, samples.count - first)
      func forward(_ reading: Reading) -> LossSums {
        buffer.read(first..<first + count, of: samples, reading, for: program)
        return program.forward()
      }
      let fields = buffer.fields
      if let judge, let mean {
        for (index, view) in views.enumerated() {
          _ = forward(.view(view))
          mean.add(judge.logits(), rows: count, isFirst: index == 0)
        }
        results[batch] = keep(judge, mean.logits, fields, from: first, count: count)
      } else {
        results[batch] = forward(.evaluation)
        if let judge { _ = keep(judge, judge.logits(), fields, from: first, count: count) }
        if let tally, let levels { tally.add(fields, rows: count, into: levels, at: batch * NoiseLevels.count) }
      }
    }
  }

  /// Keeps the judgements of the samples from position `first` of the split.
  ///
  /// - Returns: their sums.
  private func keep(
    _ judge: BatchJudge, _ logits: TensorSlice, _ fields: [TensorSlice], from first: Int, count: Int
  ) -> LossSums {
    var sums = LossSums()
    for row in 0..<count {
      let judgement = judge.judgement(of: row, logits, fields[judge.targetField])
      judgements?[first + row] = judgement
      sums.add(judgement)
    }
    return sums
  }

  /// The mean squared error of a denoiser by noise level; nil for other models.
  package var noiseLevels: [Float]? { levels.map(NoiseLevels.means) }

  /// The sums over all batches, added in their order.
  package func total() -> LossSums {
    var total = LossSums()
    for batch in 0..<results.count { total.merge(results[batch]) }
    return total
  }
}

/// The predictions of a lane's program in float32.
struct WidePrediction {
  private let prediction: TensorSlice
  /// The memory of a float32 copy; nil if the prediction is float32.
  private let copy: Arena?

  init(_ program: LaneProgram) {
    prediction = program.prediction
    copy = prediction.type == .float32 ? nil : Arena(byteCount: 4 * prediction.count)
  }

  /// The latest prediction, valid until the next one.
  func read() -> TensorSlice {
    guard let wide = copy?.all(as: .float32) else { return prediction }
    Elementwise.convert(prediction, into: wide)
    return wide
  }
}

/// Judges the latest prediction of a lane's program.
private struct BatchJudge {
  let targetField: Int
  let classes: Int
  private let prediction: WidePrediction

  init?(_ program: LaneProgram, of data: Dataset) {
    guard let field = data.source.field(named: SampleField.target), let classes = data.fields[field].classCount else {
      return nil
    }
    targetField = field
    self.classes = classes
    prediction = WidePrediction(program)
  }

  func logits() -> TensorSlice { prediction.read() }

  func judgement(of row: Int, _ logits: TensorSlice, _ targets: TensorSlice) -> ClassJudgement {
    let scores = logits.slice(row * classes..<(row + 1) * classes).floats
    return ClassJudgement(logits: scores, target: target(of: row, targets))
  }

  /// The class of a row; for shares of classes, which mixed data have, the largest one.
  private func target(of row: Int, _ targets: TensorSlice) -> Int {
    guard targets.type == .float32 else { return Int(targets.integers[row]) }
    let shares = targets.slice(row * classes..<(row + 1) * classes).floats
    return shares.indices.max { shares[$0] < shares[$1] } ?? 0
  }
}

extension LossSums {
  /// Counts a sample, unless it has no target.
  fileprivate mutating func add(_ judgement: ClassJudgement) {
    guard judgement.target >= 0 else { return }
    merge(LossSums(value: Double(judgement.loss), weight: 1, correct: judgement.rank == 0 ? 1 : 0, count: 1))
  }
}
