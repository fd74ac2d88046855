import Arenas
import DataReading
import ExecutionPlanning
import Kernels

/// One look at a held-out split: every sample exactly once, whatever the number of lanes.
///
/// It adds up losses; where it is asked to judge, it also keeps what a classifier said of every sample. That is for the
/// last look at a run, not for those in between.
package final class Evaluation: Sendable {
  let samples: SampleSet
  let split: String
  /// After how many steps of training.
  let step: Int
  let usesAverage: Bool
  /// By position in the split; nil unless asked for.
  let judgements: SharedArray<ClassJudgement>?
  /// Of a denoiser, by batch and level.
  private let levels: SharedArray<LossSums>?
  private let data: Dataset
  private let rows: Int
  private let lanes: Int
  private let results: SharedArray<LossSums>

  /// - Parameter judges: whether to keep judgements; only for a model whose plan says `isClassifier`.
  init(_ samples: SampleSet, split: String, of model: RunModel, after step: Int, usesAverage: Bool, judges: Bool) {
    precondition(!judges || model.plan.isClassifier)
    self.samples = samples
    self.split = split
    self.step = step
    self.usesAverage = usesAverage
    data = model.data
    rows = model.plan.rows
    lanes = model.tree.lanes
    results = SharedArray(repeating: LossSums(), count: (samples.count + rows - 1) / rows)
    levels =
      data.forwardProcess == nil ? nil : SharedArray(repeating: LossSums(), count: results.count * NoiseLevels.count)
    judgements = judges ? SharedArray(repeating: ClassJudgement(), count: samples.count) : nil
  }

  /// Plays every `lanes`-th batch.
  func run(_ programs: LanePrograms, lane: Int) {
    let program = programs.evaluation(usesAverage: usesAverage)
    let judge = judgements.flatMap { _ in BatchJudge(program, of: data) }
    let tally = NoiseLevelTally(program, of: data)
    for batch in stride(from: lane, to: results.count, by: lanes) {
      let first = batch * rows
      let count = min(rows, samples.count - first)
      for row in 0..<count {
        programs.evaluationBatch.read(samples[first + row], .evaluation, with: programs.reader, row: row)
      }
      programs.bindEvaluationBatch(to: program)
      program.pass.validRows = count
      results[batch] = program.forward()
      if let tally, let levels {
        tally.add(programs.evaluationBatch.fields, rows: count, into: levels, at: batch * NoiseLevels.count)
      }
      guard let judge, let judgements else { continue }
      let targets = programs.evaluationBatch.fields[judge.targetField]
      judge.judge(targets, rows: count) { judgements[first + $0] = $1 }
    }
  }

  /// The mean squared error by noise level, of a denoiser; nil of others.
  var noiseLevels: [Float]? { levels.map(NoiseLevels.means) }

  /// The sums over all batches, added in their order.
  func total() -> LossSums {
    var total = LossSums()
    for batch in 0..<results.count { total.merge(results[batch]) }
    return total
  }
}

/// Reads what a lane's program has just predicted.
private struct BatchJudge {
  let targetField: Int
  private let prediction: TensorSlice
  /// The prediction in float32, where it is not.
  private let widened: Arena?
  private let classes: Int

  init?(_ program: LaneProgram, of data: Dataset) {
    guard let field = data.source.field(named: SampleField.target), let classes = data.fields[field].classCount else {
      return nil
    }
    targetField = field
    prediction = program.prediction
    widened = prediction.type == .float32 ? nil : Arena(byteCount: 4 * prediction.count)
    self.classes = classes
  }

  func judge(_ targets: TensorSlice, rows: Int, _ keep: (Int, ClassJudgement) -> Void) {
    let logits = widened?.all(as: .float32) ?? prediction
    if widened != nil { Elementwise.convert(prediction, into: logits) }
    for row in 0..<rows {
      let scores = logits.slice(row * classes..<(row + 1) * classes).floats
      keep(row, ClassJudgement(logits: scores, target: target(of: row, targets)))
    }
  }

  /// The class of a row; of shares, which samples have where training mixes them, the class with the largest.
  private func target(of row: Int, _ targets: TensorSlice) -> Int {
    guard targets.type == .float32 else { return Int(targets.integers[row]) }
    let shares = targets.slice(row * classes..<(row + 1) * classes).floats
    return shares.indices.max { shares[$0] < shares[$1] } ?? 0
  }
}
