import DataReading
import Kernels
import RunRecords

/// What the validation samples say.
extension OptimizerStage {
  func beginEvaluation() -> Work? {
    guard !model.data.splits.validation.isEmpty else { return nil }
    return evaluate(model.data.splits.validation, split: "validation", usesAverage: model.update.average != nil)
  }

  func evaluate(_ samples: SampleSet, split: String, usesAverage: Bool) -> Work {
    if usesAverage { model.update.average?.refreshShadows() }
    let evaluation = Evaluation(
      samples, rows: model.plan.rows, lanes: model.tree.lanes, usesAverage: usesAverage)
    let program = Preparation.Program.evaluation(usesAverage: usesAverage)
    guard model.preparation.isNeeded(by: program) else { return play(evaluation, split: split) }
    phase = .preparingEvaluation(evaluation, split: split)
    return .prepare(program)
  }

  func play(_ evaluation: Evaluation, split: String) -> Work {
    phase = .evaluating(evaluation, split: split)
    return .evaluate(evaluation)
  }

  func record(_ sums: LossSums, split: String) {
    lastValidation = sums
    guard state.evaluatedStep != state.step else { return }
    state.evaluatedStep = state.step
    recorder.items.send(
      .validation(
        ValidationRecord(
          step: state.step, split: split, loss: Float(sums.mean),
          accuracy: model.hasAccuracy ? Float(sums.accuracy) : nil,
          count: Int(sums.count), isEMA: model.update.average != nil)), urgently: true)
    state.observe(validation: sums, configuration: model.configuration)
    hasStoppedEarly = state.hasRunOutOfPatience(model.configuration.training.earlyStopping)
  }
}
