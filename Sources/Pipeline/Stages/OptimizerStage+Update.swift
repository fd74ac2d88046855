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
    foldObservations()
    setScalars()
    return .update
  }

  /// Moves running statistics by what each micro-batch observed, in their order.
  func foldObservations() {
    for observed in model.observations {
      for buffer in model.table.buffers {
        model.graph.nodes[buffer.node].layer.fold(
          observation: model.table.slice(buffer, in: observed),
          into: model.table.slice(buffer, in: model.state.buffers),
          at: buffer.index)
      }
    }
  }

  func setScalars() {
    let configuration = model.configuration
    learningRate = scheduledRate
    let clipping = configuration.clipping.scales(gradientStatistics, globalNorm: gradientNorm)
    clipScale = Double(clipping.globalScale)
    let averageDecay = configuration.training.average.decay(step: state.step)
    for (index, group) in model.plan.groups.enumerated() {
      var scalars = UpdateScalars()
      scalars.learningRate = learningRate * group.rateScale
      scalars.weightDecay = group.weightDecay
      scalars.gradientScale = clipping.scale(of: index)
      scalars.clipValue = clipping.value
      scalars.step = state.step + 1
      scalars.averageDecay = averageDecay
      model.update.scalars[index] = scalars
    }
  }

  var scheduledRate: Double {
    model.configuration.optimizer.learningRate * calendar.rateFactor(step: state.step) * (state.plateau?.factor ?? 1)
  }

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
