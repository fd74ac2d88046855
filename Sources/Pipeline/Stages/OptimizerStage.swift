import Arenas
import CheckpointFiles
import Configuration
import DataReading
import ExecutionPlanning
import Foundation
import JSONValues
import Kernels
import Layers
import Optimizers
import RunRecords

/// How a run ended.
package enum RunOutcome: Sendable, Equatable {
  case finished
  case stoppedEarly
  /// A signal's number.
  case interrupted(Int32)
  /// A gradient or loss was not finite, and the policy said abort.
  case diverged(String)
  case failed(String)
}

/// Decides what the lanes do: plays the phases of every step, updates the parameters, and says when to evaluate, to save
/// and to stop.
///
/// Lanes meet here: each asks for its next work when it has finished the last, and the one that comes last finds it decided.
/// The stage runs on the first lane's thread, because it has nothing to do while lanes compute.
package actor OptimizerStage {
  private enum Phase {
    case starting, playing, clipping, updating, evaluating(Evaluation, split: String), snapshotting, done
  }

  private nonisolated let thread: StageThread
  private let model: RunModel
  private let purpose: TrainingRun.Purpose
  private let recorder: Recorder
  private let writer: CheckpointWriter?
  private let snapshot: StateSnapshot?
  private let stopRequest: StopRequest
  private let clock: StageClock
  private let header: RunHeader
  private let calendar: RunCalendar

  private var phase = Phase.starting
  private var state: RunState
  private var arrived = 0
  private var waiting: [UnsafeContinuation<Work, Never>?]
  private var gradientStatistics: [TensorStatistics]
  private var updateStatistics: [UpdateStatistics]
  private var gradientNorm = 0.0
  private var clipScale = 1.0
  private var learningRate = 0.0
  private var stepStart: UInt64 = 0
  private var sessionStart = StageClock.now
  private var lastSavedStep: Int?
  private var lastValidation: LossSums?
  private var hasStoppedEarly = false
  private(set) var outcome = RunOutcome.finished
  /// The mean training loss of the last step.
  private(set) var lastLoss = 0.0

  package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  init(
    thread: StageThread, model: RunModel, purpose: TrainingRun.Purpose, state: RunState, calendar: RunCalendar,
    savedStep: Int?, recorder: Recorder,
    writer: CheckpointWriter?, snapshot: StateSnapshot?, stopRequest: StopRequest, header: RunHeader, clock: StageClock
  ) {
    self.thread = thread
    self.model = model
    self.purpose = purpose
    self.state = state
    self.calendar = calendar
    lastSavedStep = savedStep
    hasStoppedEarly = state.hasRunOutOfPatience(model.configuration.training.earlyStopping)
    self.recorder = recorder
    self.writer = writer
    self.snapshot = snapshot
    self.stopRequest = stopRequest
    self.header = header
    self.clock = clock
    lastSavedStep = savedStep
    waiting = [UnsafeContinuation<Work, Never>?](repeating: nil, count: model.tree.lanes)
    gradientStatistics = [TensorStatistics](repeating: TensorStatistics(), count: model.table.entries.count)
    updateStatistics = [UpdateStatistics](repeating: UpdateStatistics(), count: model.table.entries.count)
  }

  /// The state with the time of this session.
  var finalState: RunState {
    var final = state
    final.seconds += Double(StageClock.now &- sessionStart) / 1e9
    return final
  }

  var finalValidation: LossSums? { lastValidation }

  /// What a lane does next; returns when all lanes have finished what they were doing.
  func next(lane: Int) async -> Work {
    arrived += 1
    if arrived < model.tree.lanes {
      return await withUnsafeContinuation { waiting[lane] = $0 }
    }
    arrived = 0
    clock.waited()
    let work = await advance()
    clock.worked()
    for other in waiting.indices {
      waiting[other]?.resume(returning: work)
      waiting[other] = nil
    }
    return work
  }

  // MARK: Phases

  private func advance() async -> Work {
    switch phase {
    case .starting:
      sessionStart = StageClock.now
      if case .evaluate(let samples, let split, let usesAverage) = purpose {
        return evaluate(samples, split: split, usesAverage: usesAverage)
      }
      return await start()
    case .playing: return await decideUpdate()
    case .clipping: return beginUpdate()
    case .updating:
      model.update.collect(into: &updateStatistics)
      return await endStep()
    case .evaluating(let evaluation, let split):
      record(evaluation.total(), split: split)
      if case .evaluate = purpose { return finish(.finished) }
      if lastSavedStep == state.step, let sums = lastValidation {
        state.noteCheckpoint(validation: sums, model.configuration.checkpoints)
      }
      return await saveOrGoOn()
    case .snapshotting:
      await orderCheckpoint()
      return await beginStepOrFinish()
    case .done: return .stop
    }
  }

  private func start() async -> Work {
    // Rolling back needs something to go back to: the first parameters may have come from a file.
    if case .rollBack = model.configuration.training.nonfinite, lastSavedStep == nil, let work = await beginSnapshot() {
      return work
    }
    // A run that was stopped where an evaluation was due left it out.
    let owesEvaluation = state.step > 0 && calendar.evaluates(after: state.step) && state.evaluatedStep != state.step
    if owesEvaluation, stopRequest.signal(after: state.step) == nil, let work = beginEvaluation() { return work }
    return await beginStepOrFinish()
  }

  private func beginStepOrFinish() async -> Work {
    if let failure = writer?.firstFailure {
      return finish(.failed(failure.description))
    }
    if let failure = recorder.firstFailure {
      return finish(.failed(failure.description))
    }
    let isOver = state.step >= calendar.totalSteps || hasStoppedEarly
    if let signal = stopRequest.signal(after: state.step) {
      return await finishSaving(isOver ? .finished : .interrupted(signal))
    }
    if isOver {
      // Also where a run that had ended is looked at again: its result is wanted, and not recorded twice.
      if state.evaluatedStep != state.step || lastValidation == nil, let work = beginEvaluation() { return work }
      return await finishSaving(hasStoppedEarly ? .stoppedEarly : .finished)
    }
    stepStart = StageClock.now
    phase = .playing
    return .play(step: state.step, watching: calendar.watchesActivations(after: state.step + 1))
  }

  private func finishSaving(_ outcome: RunOutcome) async -> Work {
    if lastSavedStep != state.step, let work = await beginSnapshot() { return work }
    return finish(outcome)
  }

  private func finish(_ outcome: RunOutcome) -> Work {
    self.outcome = outcome
    phase = .done
    return .stop
  }

  private func decideUpdate() async -> Work {
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

  private func beginUpdate() -> Work {
    phase = .updating
    foldObservations()
    setScalars()
    return .update
  }

  /// Moves running statistics by what each micro-batch observed, in their order.
  private func foldObservations() {
    for observed in model.observations {
      for buffer in model.table.buffers {
        model.graph.nodes[buffer.node].layer.fold(
          observation: model.table.slice(buffer, in: observed), into: model.table.slice(buffer, in: model.state.buffers),
          at: buffer.index)
      }
    }
  }

  private func setScalars() {
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

  private var scheduledRate: Double {
    model.configuration.optimizer.learningRate * calendar.rateFactor(step: state.step) * (state.plateau?.factor ?? 1)
  }

  private func endStep() async -> Work {
    state.step += 1
    state.cursor += 1
    await report()
    if calendar.drawsHistograms(after: state.step) { await recorder.writeHistograms(of: model, step: state.step) }
    if calendar.evaluates(after: state.step), stopRequest.signal(after: state.step) == nil, let work = beginEvaluation() { return work }
    return await saveOrGoOn()
  }

  private func saveOrGoOn() async -> Work {
    if calendar.saves(after: state.step) {
      if lastSavedStep == state.step {
        noteBest()
      } else if let work = await beginSnapshot() {
        return work
      }
    }
    return await beginStepOrFinish()
  }

  // MARK: Numbers that are not finite

  /// What the policy says: parameters are never updated with such a gradient.
  private func handleNonfinite() async -> Work {
    let place = nonfinitePlace()
    let policy = model.configuration.training.nonfinite
    switch policy.decide(skipped: state.skippedUpdates, rollBacks: state.rollBacks) {
    case .abort(let reason):
      // The lanes may still stop cleanly; what was saved before stays as it is.
      return finish(.diverged("step \(state.step + 1): \(place) (\(reason))"))
    case .skip:
      state.skippedUpdates += 1
      tell(.skippedNonfinite, "step \(state.step + 1): update left out, \(place)")
      (learningRate, clipScale) = (scheduledRate, 1)
      for (index, entry) in model.table.entries.enumerated() {
        updateStatistics[index] = UpdateStatistics()
        updateStatistics[index].parameter = Statistics.measure(model.table.slice(entry, in: model.state.parameters))
      }
      return await endStep()
    case .rollBack: return await rollBack(place)
    }
  }

  /// The first layer from the input whose gradient is not finite, or the loss.
  private func nonfinitePlace() -> String {
    guard let tensor = gradientStatistics.firstIndex(where: { $0.nonfinite > 0 }) else {
      return "the loss is \(lastLoss)"
    }
    let statistics = gradientStatistics[tensor]
    let count = gradientStatistics.count { $0.nonfinite > 0 }
    return "\(statistics.nonfinite) elements of the gradient of \(model.table.entries[tensor].name) are not finite "
      + "(\(count) of \(gradientStatistics.count) tensors are affected; the loss is \(lastLoss))"
  }

  /// Goes back to the newest checkpoint, or to the start, and on with the batches behind the bad one.
  private func rollBack(_ place: String) async -> Work {
    let badStep = state.step + 1
    var restored = RunState()
    restored.plateau = model.configuration.schedule.initialPlateau
    do {
      if let writer { await writer.finishOrders() }
      if let checkpoint = try writer?.folder.newestGood() {
        let metadata = try CheckpointFile.read(at: checkpoint.url, into: model.checkpointTensors)
        model.state.refreshShadows()
        restored = try RunState(json: JSONParser.parse(metadata.texts["state"] ?? "", file: checkpoint.url.path))
      } else {
        model.initialize()
      }
      restored.cursor = state.cursor + 1
      restored.rollBacks = state.rollBacks + 1
      restored.skippedUpdates = state.skippedUpdates
      state = restored
      lastSavedStep = state.step
      try await recorder.rewind(to: state.step, header: header)
    } catch {
      return finish(.failed("step \(badStep): \(place); rolling back failed: \(error)"))
    }
    tell(.rolledBack, "back from step \(badStep) to \(state.step): \(place)")
    return await beginStepOrFinish()
  }

  private func tell(_ kind: EventRecord.Kind, _ text: String) {
    recorder.items.send(.event(EventRecord(step: state.step, kind: kind, text: text)), urgently: true)
  }

  // MARK: Evaluation and checkpoints

  private func beginEvaluation() -> Work? {
    guard !model.data.splits.validation.isEmpty else { return nil }
    return evaluate(model.data.splits.validation, split: "validation", usesAverage: model.update.average != nil)
  }

  private func evaluate(_ samples: SampleSet, split: String, usesAverage: Bool) -> Work {
    if usesAverage { model.update.average?.refreshShadows() }
    let evaluation = Evaluation(
      samples, of: model.data, rows: model.plan.rows, lanes: model.tree.lanes, usesAverage: usesAverage)
    phase = .evaluating(evaluation, split: split)
    return .evaluate(evaluation)
  }

  private func record(_ sums: LossSums, split: String) {
    lastValidation = sums
    guard state.evaluatedStep != state.step else { return }
    state.evaluatedStep = state.step
    recorder.items.send(
      .validation(
        ValidationRecord(
          step: state.step, split: split, loss: Float(sums.mean), accuracy: model.hasAccuracy ? Float(sums.accuracy) : nil,
          count: Int(sums.count), isEMA: model.update.average != nil)), urgently: true)
    state.observe(validation: sums, configuration: model.configuration)
    hasStoppedEarly = state.hasRunOutOfPatience(model.configuration.training.earlyStopping)
  }

  private func beginSnapshot() async -> Work? {
    guard let writer, snapshot != nil else {
      lastSavedStep = state.step
      return nil
    }
    clock.worked()
    guard let ticket = await writer.tickets.receive() else { return nil }
    clock.waited()
    heldTicket = consume ticket
    phase = .snapshotting
    return .snapshot
  }

  private var heldTicket: SnapshotTicket?

  /// Enters the checkpoint of this step among the best, if it was evaluated and is one of them.
  private func noteBest() {
    guard state.evaluatedStep == state.step, let sums = lastValidation else { return }
    state.noteCheckpoint(validation: sums, model.configuration.checkpoints)
  }

  private func orderCheckpoint() async {
    guard let ticket = heldTicket.take(), let writer else { return }
    lastSavedStep = state.step
    noteBest()
    let saved = finalState
    let metadata = CheckpointMetadata(step: state.step, texts: calendar.texts(saved, model))
    writer.orders.send(CheckpointOrder(ticket: ticket, metadata: metadata, pools: calendar.pools(saved)))
  }

  // MARK: Telemetry

  private func report() async {
    guard var report = await recorder.freeReports.receive() else { return }
    let seconds = Double(StageClock.now &- stepStart) / 1e9
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
        report.activations[index] = RunRecords.ActivationStatistics(
          rms: Float(watched.rms), dead: Float(watched.deadShare), saturated: Float(watched.saturatedShare))
      }
    }
    recorder.items.send(.step(report), urgently: seconds > Self.urgentStepSeconds)
  }

  /// Steps longer than this are told at once; shorter ones wait for company.
  private static let urgentStepSeconds = 0.02
}
