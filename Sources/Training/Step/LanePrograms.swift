import Inference
import Models
import Runs
import Tensors

/// A lane's programs: training, and evaluation with the current and the averaged parameters. They share activations.
final class LanePrograms {
  let training: LaneProgram
  private let evaluation: LaneProgram
  private let averaged: LaneProgram?
  let evaluationBatch: EvaluationBatch

  /// Must be made on the lane's thread.
  init(_ model: RunModel) {
    let store = PrimitiveStore()
    let plan = model.plan
    let activations = Arena(
      byteCount: max(plan.trainingPlan.activationByteCount, plan.evaluationPlan.activationByteCount))
    training = LaneProgram(
      plan.trainingPlan, state: model.state, activations: activations, prepared: model.preparation.training,
      store: store)
    training.pass.seed = model.configuration.seed
    let makeEvaluation = { (state: ModelState) in
      LaneProgram(
        plan.evaluationPlan, state: state, activations: activations, prepared: model.preparation.evaluation,
        store: store)
    }
    evaluation = makeEvaluation(model.state)
    averaged = model.update.average.map(makeEvaluation)
    // Every evaluated sequence starts from zero, so the state that a pass leaves is never read.
    let sequenceState = Arena(byteCount: plan.evaluationPlan.sequenceStateByteCount)
    evaluation.bind(sequenceState: sequenceState)
    averaged?.bind(sequenceState: sequenceState)
    evaluationBatch = EvaluationBatch(plan)
  }

  func evaluation(usesAverage: Bool) -> LaneProgram { usesAverage ? averaged ?? evaluation : evaluation }
}
