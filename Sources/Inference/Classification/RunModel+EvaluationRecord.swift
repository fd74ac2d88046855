import Data
import Metrics
import Training

extension RunModel {
  /// Mistakes that are kept of an evaluation.
  package static let keptMistakes = 24

  /// What the judgements come to: a pure function of the model and the split.
  ///
  /// - Returns: nil for an evaluation that did not judge.
  package func record(of evaluation: Evaluation) -> EvaluationRecord? {
    guard let judgements = evaluation.judgements, let classes = plan.classNames else { return nil }
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
    // The worst first; NaN is worse than any number, and of equal losses the first sample.
    func badness(_ position: Int) -> Float { judgements[position].loss.isNaN ? .infinity : judgements[position].loss }
    wrong.sort { (badness($1), $0) < (badness($0), $1) }
    let mistakes = wrong.prefix(Self.keptMistakes).map { position in
      let judgement = judgements[position]
      let sample = evaluation.samples[position]
      return EvaluationRecord.Mistake(
        sample: sample, target: Int(judgement.target), predicted: Int(judgement.predicted),
        probability: judgement.probability, targetProbability: judgement.targetProbability, loss: judgement.loss,
        picture: data.thumbnail(of: sample))
    }
    return EvaluationRecord(
      run: configuration.name, step: evaluation.step, split: evaluation.split, isEMA: evaluation.usesAverage,
      views: max(1, evaluation.views.count), loss: Float(evaluation.total().mean), count: count, correct: correct,
      topCorrect: classes.count > EvaluationRecord.topCount ? topCorrect : nil, classes: classes, confusion: confusion,
      mistakes: mistakes)
  }
}
