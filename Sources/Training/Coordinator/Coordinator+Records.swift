import Inference
import Kernels
import Metrics
import Runs

/// The messages to the recorder, and what they are made of.
extension Coordinator {
  func record(_ kind: EventRecord.Kind, _ text: String) {
    recorder?.items.send(.event(EventRecord(step: state.step, kind: kind, text: text)), urgently: true)
  }

  /// Records the step that has just ended.
  func record() async {
    guard let recorder, var report = await recorder.freeReports.receive() else { return }
    let seconds = StageClock.seconds(since: stepStart)
    report.record = StepRecord(
      step: state.step, epoch: Double(state.cursor) / Double(model.plan.stepsPerEpoch),
      loss: Float(measurements.loss), learningRate: measurements.learningRate,
      gradientNorm: Float(measurements.gradientNorm), clipScale: Float(measurements.clipScale),
      samplesPerSecond: Double(model.batchSize) / seconds, stepMilliseconds: 1e3 * seconds)
    report.hasNorms = calendar.logsNorms(after: state.step)
    if report.hasNorms { measurements.write(to: report.norms) }
    report.hasActivations = calendar.watchesActivations(after: state.step)
    if report.hasActivations {
      for index in 0..<model.watched.count {
        let watched = model.watched[index]
        report.activations[index] = Metrics.ActivationStatistics(
          rms: Float(watched.rms), dead: Float(watched.deadShare), saturated: Float(watched.saturatedShare))
      }
    }
    recorder.items.send(.step(report), urgently: seconds > Self.urgentStepSeconds)
    if calendar.drawsHistograms(after: state.step) { await recorder.writeHistograms(of: model, step: state.step) }
  }

  /// Steps longer than this are recorded at once, shorter ones in groups.
  private static let urgentStepSeconds = 0.02

  func record(_ evaluation: Evaluation) {
    state.evaluatedStep = state.step
    let sums = evaluation.total()
    let record = ValidationRecord(
      step: state.step, split: evaluation.split, loss: Float(sums.mean),
      accuracy: model.plan.hasAccuracy ? Float(sums.accuracy) : nil,
      count: model.plan.judgedCount(sums, of: evaluation),
      exactMatch: model.plan.answersSequences ? sums.exactMatch.map { Float($0) } : nil,
      noiseLevels: evaluation.noiseLevels, isEMA: evaluation.usesAverage)
    recorder?.items.send(.validation(record), urgently: true)
  }

  /// Seconds since the lanes asked for their first task.
  var sessionSeconds: Double { StageClock.seconds(since: sessionStart) }

  /// The state, including the time of this session.
  var finalState: RunState {
    var final = state
    final.seconds += sessionSeconds
    return final
  }

  /// Whether the run ends with this evaluation, or would without an improvement.
  var mayBeLastEvaluation: Bool {
    state.step >= calendar.totalSteps
      || state.hasRunOutOfPatience(model.configuration.training.earlyStopping, afterEvaluations: 1)
  }
}
