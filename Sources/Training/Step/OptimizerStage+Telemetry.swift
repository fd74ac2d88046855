import Kernels
import Metrics

/// What the recorder is told.
extension OptimizerStage {
  func tell(_ kind: EventRecord.Kind, _ text: String) {
    recorder.items.send(.event(EventRecord(step: state.step, kind: kind, text: text)), urgently: true)
  }

  func report() async {
    guard var report = await recorder.freeReports.receive() else { return }
    let seconds = StageClock.seconds(since: stepStart)
    report.record = StepRecord(
      step: state.step, epoch: Double(state.cursor) / Double(model.plan.stepsPerEpoch), loss: Float(lastLoss),
      learningRate: learningRate, gradientNorm: Float(gradientNorm), clipScale: Float(clipScale),
      samplesPerSecond: Double(model.batchSize) / seconds, stepMilliseconds: 1e3 * seconds)
    report.hasNorms = calendar.logsNorms(after: state.step)
    if report.hasNorms {
      for index in gradientStatistics.indices {
        let gradient = gradientStatistics[index]
        let update = updateStatistics[index]
        report.norms[index] = TensorNorms(
          gradientL2: Float(gradient.sumOfSquares.squareRoot()), gradientMax: gradient.largest,
          gradientNonfinite: UInt32(clamping: gradient.nonfinite),
          parameterL2: Float(update.parameter.sumOfSquares.squareRoot()), parameterMax: update.parameter.largest,
          updateL2: Float(update.update.sumOfSquares.squareRoot()), updateMax: update.update.largest)
      }
    }
    report.hasActivations = calendar.watchesActivations(after: state.step)
    if report.hasActivations {
      for index in 0..<model.watched.count {
        let watched = model.watched[index]
        report.activations[index] = Metrics.ActivationStatistics(
          rms: Float(watched.rms), dead: Float(watched.deadShare), saturated: Float(watched.saturatedShare))
      }
    }
    recorder.items.send(.step(report), urgently: seconds > Self.urgentStepSeconds)
  }

  /// Steps longer than this are told at once; shorter ones wait for company.
  private static let urgentStepSeconds = 0.02
}
