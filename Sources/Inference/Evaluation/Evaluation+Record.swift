import Data
import Metrics
import Runs

extension Evaluation {
  /// The most mistakes that a record keeps.
  package static let keptMistakes = 24

  /// The judgements as a record: counts, the confusion matrix and the worst mistakes.
  ///
  /// - Returns: nil for an evaluation without judgements.
  package func record(of plan: RunPlan) -> EvaluationRecord? {
    guard let judgements, let classes = plan.classNames else { return nil }
    let hasConfusion = classes.count <= EvaluationRecord.mostClasses
    var confusion = [Int](repeating: 0, count: hasConfusion ? classes.count * classes.count : 0)
    var (count, correct, topCorrect) = (0, 0, 0)
    var wrong: [Int] = []
    for position in 0..<judgements.count {
      let judgement = judgements[position]
      guard judgement.target >= 0 else { continue }
      count += 1
      if judgement.rank < EvaluationRecord.topCount { topCorrect += 1 }
      if judgement.rank == 0 { correct += 1 } else { wrong.append(position) }
      if hasConfusion { confusion[Int(judgement.target) * classes.count + Int(judgement.predicted)] += 1 }
    }
    // The worst first; NaN is the worst, and equal losses are in the order of samples.
    func badness(_ position: Int) -> Float { judgements[position].loss.isNaN ? .infinity : judgements[position].loss }
    wrong.sort { (badness($1), $0) < (badness($0), $1) }
    let mistakes = wrong.prefix(Self.keptMistakes).map { position in
      let judgement = judgements[position]
      let sample = samples[position]
      return EvaluationRecord.Mistake(
        sample: sample, target: Int(judgement.target), predicted: Int(judgement.predicted),
        probability: judgement.probability, targetProbability: judgement.targetProbability, loss: judgement.loss,
        picture: plan.data.thumbnail(of: sample))
    }
    return EvaluationRecord(
      run: plan.configuration.name, step: step, split: split, isEMA: usesAverage,
      views: max(1, views.count), loss: Float(total().mean), count: count, correct: correct,
      topCorrect: classes.count > EvaluationRecord.topCount ? topCorrect : nil, classes: classes, confusion: confusion,
      mistakes: mistakes)
  }
}
