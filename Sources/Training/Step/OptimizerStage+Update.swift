import Kernels
import Layers
import Optimizers

/// From the gradients of a batch to the end of its step.
extension OptimizerStage {
  func decideUpdate() async -> Work {
    var loss = LossSums()
    for index in 0..<model.losses.count { loss.merge(model.losses[index]) }
    lastLoss = loss.mean
    model.reduction.collect(into: &gradientStatistics)
    gradientNorm = gradientStatistics.reduce(0) { $0 + $1.sumOfSquares }.squareRoot()
    if !lastLoss.isFinite || gradientStatistics.contains(where: { $0.nonfinite > 0 }) { return await handleNonfinite() }
    if model.adaptiveClipping != nil {
      phase = .clipping
      return .clipRows
    }
    return beginUpdate()
  }

  func beginUpdate() -> Work {
    phase = .updating
    isPrepared = false
    model.foldBatchStatistics(step: state.step)
    learningRate = scheduledRate
    clipScale = model.layDownUpdate(state, learningRate: learningRate, gradientStatistics, norm: gradientNorm)
    return .update
  }

  var scheduledRate: Double { model.learningRate(state, calendar) }

  func endStep() async -> Work {
    state.step += 1
    state.cursor += 1
    await report()
    if calendar.drawsHistograms(after: state.step) { await recorder.writeHistograms(of: model, step: state.step) }
    if calendar.evaluates(after: state.step), stopRequest.signal(after: state.step) == nil,
      let work = beginEvaluation()
    {
      return work
    }
    return await drawSaveOrGoOn()
  }
}
