import Data
import Inference
import Kernels
import Metrics

/// What the validation samples say.
extension OptimizerStage {
  func beginEvaluation() -> Work? {
    guard !model.data.splits.validation.isEmpty else { return nil }
    return evaluate(
      model.data.splits.validation, split: "validation", usesAverage: model.update.average != nil,
      judges: model.plan.isClassifier && mayBeLastEvaluation)
  }

  /// Whether the run ends with this evaluation, or would if it brings nothing better.
  private var mayBeLastEvaluation: Bool {
    state.step >= calendar.totalSteps
      || state.hasRunOutOfPatience(model.configuration.training.earlyStopping, afterEvaluations: 1)
  }

  func evaluate(
    _ samples: SampleSet, split: String, usesAverage: Bool, views: [ImageView] = [], judges: Bool
  ) -> Work {
    if usesAverage { model.update.average?.refreshBF16Weights() }
    let evaluation = Evaluation(
      samples, split: split, of: model, after: state.step, usesAverage: usesAverage, views: views, judges: judges)
    let program = Preparation.Program.evaluation(usesAverage: usesAverage)
    guard model.preparation.isNeeded(by: program) else { return play(evaluation) }
    phase = .preparingEvaluation(evaluation)
    return .prepare(program)
  }

  func play(_ evaluation: Evaluation) -> Work {
    phase = .evaluating(evaluation)
    return .evaluate(evaluation)
  }

  func record(_ evaluation: Evaluation) {
    let sums = evaluation.total()
    lastEvaluation = evaluation
    guard state.evaluatedStep != state.step else { return }
    state.evaluatedStep = state.step
    recorder.items.send(
      .validation(
        ValidationRecord(
          step: state.step, split: evaluation.split, loss: Float(sums.mean),
          accuracy: model.hasAccuracy ? Float(sums.accuracy) : nil, count: model.plan.judgedCount(sums, of: evaluation),
          exactMatch: model.plan.answersSequences ? sums.exactMatch.map { Float($0) } : nil,
          noiseLevels: evaluation.noiseLevels, isEMA: model.update.average != nil)), urgently: true)
    state.observe(validation: sums, configuration: model.configuration)
    hasStoppedEarly = state.hasRunOutOfPatience(model.configuration.training.earlyStopping)
  }
}
