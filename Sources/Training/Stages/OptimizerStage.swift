import Checkpoints
import Inference
import Kernels
import Layers
import Metrics
import Runs

/// Decides what the lanes do: plays the phases of every step, updates the parameters, and says when to evaluate, to save
/// and to stop.
///
/// Lanes meet here: each asks for its next work when it has finished the last, and the one that comes last finds it decided.
/// The stage runs on the first lane's thread, because it has nothing to do while lanes compute.
package actor OptimizerStage {
  enum Phase {
    case starting, preparing, playing, clipping, updating, snapshotting, done
    case preparingEvaluation(Evaluation)
    case evaluating(Evaluation)
    case preparingDrawing(SampleDrawing)
    case drawing(SampleDrawing)
  }

  private nonisolated let thread: StageThread
  let model: RunModel
  private let purpose: TrainingRun.Purpose
  /// The file that the run's first parameters came from; nil where the seed says them.
  let initialParameters: String?
  let recorder: Recorder
  let writer: CheckpointWriter?
  let snapshot: StateSnapshot?
  let stopRequest: StopRequest
  let clock: StageClock
  let header: RunHeader
  let calendar: RunCalendar
  /// Nil in a run without a profile.
  private let window: ProfileWindow?

  var phase = Phase.starting
  var state: RunState
  /// Whether what layers prepared follows the parameters as they are.
  var isPrepared = false
  private var arrived = 0
  private var waiting: [UnsafeContinuation<Work, Never>?]
  var gradientStatistics: [TensorStatistics]
  var updateStatistics: [UpdateStatistics]
  var gradientNorm = 0.0
  var clipScale = 1.0
  var learningRate = 0.0
  var stepStart: UInt64 = 0
  private var sessionStart = StageClock.now
  var lastSavedStep: Int?
  /// The last step whose samples were drawn, or that a session went on from.
  var drawnStep: Int?
  var lastEvaluation: Evaluation?
  var hasStoppedEarly = false
  /// Between the moment that a snapshot is begun and the moment that the writer has it.
  var heldTicket: SnapshotTicket?
  var snapshotStart: UInt64 = 0
  /// How long this session's checkpoints have held the lanes so far.
  var checkpointStall = CheckpointStall()
  private(set) var outcome = RunOutcome.finished
  /// The mean training loss of the last step.
  var lastLoss = 0.0

  package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  init(
    thread: StageThread, model: RunModel, purpose: TrainingRun.Purpose, start: TrainingRun.Start,
    calendar: RunCalendar, recorder: Recorder, writer: CheckpointWriter?, snapshot: StateSnapshot?,
    stopRequest: StopRequest,
    header: RunHeader, clock: StageClock, window: ProfileWindow? = nil
  ) {
    self.thread = thread
    self.model = model
    self.purpose = purpose
    state = start.state
    initialParameters = start.initialParameters
    self.calendar = calendar
    lastSavedStep = start.isResumed ? start.state.step : nil
    drawnStep = lastSavedStep
    hasStoppedEarly = state.hasRunOutOfPatience(model.configuration.training.earlyStopping)
    self.recorder = recorder
    self.writer = writer
    self.snapshot = snapshot
    self.stopRequest = stopRequest
    self.header = header
    self.clock = clock
    self.window = window
    waiting = [UnsafeContinuation<Work, Never>?](repeating: nil, count: model.tree.lanes)
    gradientStatistics = [TensorStatistics](repeating: TensorStatistics(), count: model.table.entries.count)
    updateStatistics = [UpdateStatistics](repeating: UpdateStatistics(), count: model.table.entries.count)
  }

  /// Since the lanes asked for their first work.
  var sessionSeconds: Double { StageClock.seconds(since: sessionStart) }

  /// The state with the time of this session.
  var finalState: RunState {
    var final = state
    final.seconds += sessionSeconds
    return final
  }

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
      if case .evaluate(let samples, let split, let usesAverage, let views) = purpose {
        return evaluate(
          samples, split: split, usesAverage: usesAverage, views: views, judges: model.plan.isClassifier)
      }
      return await start()
    case .preparing: return play()
    case .playing:
      if let failure = sampleFailure { return failure }
      return await decideUpdate()
    case .clipping: return beginUpdate()
    case .updating:
      model.update.collect(into: &updateStatistics)
      return await endStep()
    case .preparingEvaluation(let evaluation): return play(evaluation)
    case .evaluating(let evaluation):
      if let failure = sampleFailure { return failure }
      record(evaluation)
      if case .evaluate = purpose { return finish(.finished) }
      if lastSavedStep == state.step { noteBest() }
      return await drawSaveOrGoOn()
    case .preparingDrawing(let drawing): return play(drawing)
    case .drawing(let drawing):
      record(drawing)
      return await saveOrGoOn()
    case .snapshotting:
      await orderCheckpoint()
      return await beginStepOrFinish()
    case .done: return .stop
    }
  }

  /// The end of the run, where samples could not be read: nothing is made of those that were played.
  private var sampleFailure: Work? {
    model.data.source.failure.map { finish(.failed("data: \($0)")) }
  }

  private func start() async -> Work {
    // Rolling back needs something to go back to: the first parameters may have come from a file.
    if case .rollBack = model.configuration.training.nonfinite, lastSavedStep == nil, let work = await beginSnapshot() {
      return work
    }
    return await goOn()
  }

  /// Goes on from a checkpoint's state.
  func goOn() async -> Work {
    // A run that was stopped where an evaluation was due left it out.
    let owesEvaluation = state.step > 0 && calendar.evaluates(after: state.step) && state.evaluatedStep != state.step
    if owesEvaluation, stopRequest.signal(after: state.step) == nil, let work = beginEvaluation() { return work }
    return await beginStepOrFinish()
  }

  func beginStepOrFinish() async -> Work {
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
      if state.evaluatedStep != state.step || lastEvaluation == nil, let work = beginEvaluation() { return work }
      return await finishSaving(hasStoppedEarly ? .stoppedEarly : .finished)
    }
    if stopRequest.pauses(after: state.step) { return await finishSaving(.paused) }
    stepStart = StageClock.now
    window?.enter(after: state.step)
    if !isPrepared, model.preparation.isNeeded(by: .training) {
      phase = .preparing
      return .prepare(.training)
    }
    return play()
  }

  private func play() -> Work {
    isPrepared = true
    phase = .playing
    return .play(step: state.step, watching: calendar.watchesActivations(after: state.step + 1))
  }

  private func finishSaving(_ outcome: RunOutcome) async -> Work {
    if lastSavedStep != state.step, let work = await beginSnapshot() { return work }
    return finish(outcome)
  }

  func finish(_ outcome: RunOutcome) -> Work {
    self.outcome = outcome
    window?.leave()
    phase = .done
    return .stop
  }
}
