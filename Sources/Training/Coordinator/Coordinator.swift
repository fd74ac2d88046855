import Checkpoints
import Data
import Inference
import Kernels
import Metrics
import Optimizers
import Runs

/// Runs a training run step by step: it decides, the lanes compute. It runs on the thread of the first lane, which is idle
/// while it decides.
package actor Coordinator {
  private nonisolated let thread: StageThread
  let model: RunModel
  let lanes: LaneGroup
  let calendar: RunCalendar
  let stopRequest: StopRequest
  /// Nil if nothing is recorded or saved, as in a bisection.
  let recorder: Recorder?
  let writer: CheckpointWriter?
  let snapshot: StateSnapshot?
  let header: RunHeader?
  /// The file of the run's first parameters; nil if they came from the seed.
  let initialParameters: String?
  let clock: StageClock
  /// Nil in a run without a profile.
  private let profile: ProfileWindow?
  /// Receives the sum of a batch's gradients before they are clipped.
  private let observer: (any StepObserver)?

  var state: RunState
  var measurements: StepMeasurements
  /// Whether the packed weights belong to the current parameters.
  var isPrepared = false
  var lastSavedStep: Int?
  private var lastDrawnStep: Int?
  package private(set) var lastEvaluation: Evaluation?
  private var hasStoppedEarly: Bool
  var sessionStart = StageClock.now
  var stepStart: UInt64 = 0
  /// The time that checkpoints have held the lanes in this session.
  private(set) var checkpointStall = CheckpointStall()

  package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  init(
    thread: StageThread, model: RunModel, lanes: LaneGroup, start: TrainingRun.Start, clock: StageClock,
    stopRequest: StopRequest = StopRequest(), recorder: Recorder? = nil, header: RunHeader? = nil,
    writer: CheckpointWriter? = nil, snapshot: StateSnapshot? = nil, profile: ProfileWindow? = nil,
    observer: (any StepObserver)? = nil
  ) {
    self.thread = thread
    self.model = model
    self.lanes = lanes
    self.clock = clock
    self.stopRequest = stopRequest
    self.recorder = recorder
    self.header = header
    self.writer = writer
    self.snapshot = snapshot
    self.profile = profile
    self.observer = observer
    calendar = RunCalendar(model.plan, build: BuildInfo.text)
    state = start.state
    initialParameters = start.initialParameters
    lastSavedStep = start.isResumed ? start.state.step : nil
    lastDrawnStep = lastSavedStep
    hasStoppedEarly = state.hasRunOutOfPatience(model.configuration.training.earlyStopping)
    measurements = StepMeasurements(tensors: model.table.entries.count)
  }

  // MARK: The run

  /// Trains until the run ends, and lets the lanes go.
  func run() async -> RunOutcome {
    await lanes.assemble()
    sessionStart = StageClock.now
    let outcome: RunOutcome
    do throws(RunEnd) { outcome = try await train() } catch { outcome = error.outcome }
    profile?.leave()
    lanes.dismiss()
    return outcome
  }

  private func train() async throws(RunEnd) -> RunOutcome {
    try await begin()
    while true {
      if let outcome = try await ending() { return outcome }
      stepStart = StageClock.now
      profile?.enter(after: state.step)
      guard try await step(onNonfinite: model.configuration.training.nonfinite) else { continue }
      await record()
      let isStopping = stopRequest.signal(after: state.step) != nil
      if calendar.evaluates(after: state.step), !isStopping { try await evaluate() }
      if calendar.drawsSamples(after: state.step), !isStopping { await drawSamples() }
      if calendar.saves(after: state.step) { await save() }
    }
  }

  /// One training step, from the parameters before it to the parameters after it.
  ///
  /// - Returns: false if the run was rolled back instead.
  func step(onNonfinite policy: NonfinitePolicy) async throws(RunEnd) -> Bool {
    if !isPrepared { await prepare(.training) }
    isPrepared = true
    await perform(
      .forwardBackward(step: state.step, watching: calendar.watchesActivations(after: state.step + 1)))
    try checkSamples()
    measurements.measureGradients(model)
    observer?.summedGradients(model)
    if measurements.areFinite {
      await updateParameters()
    } else if try await handleNonfinite(policy) == .rollBack {
      return false
    }
    state.step += 1
    state.cursor += 1
    return true
  }

  private func updateParameters() async {
    if model.adaptiveClipping != nil { await perform(.clipRows) }
    isPrepared = false
    model.foldBatchStatistics(step: state.step)
    measurements.learningRate = model.learningRate(state, calendar)
    measurements.clipScale = model.setUpdate(
      state, learningRate: measurements.learningRate, measurements.gradients, norm: measurements.gradientNorm)
    await perform(.update)
    model.update.collect(into: &measurements.updates)
  }

  // MARK: Between steps

  private func begin() async throws(RunEnd) {
    // Rolling back needs a checkpoint: the first parameters may have come from a file.
    if case .rollBack = model.configuration.training.nonfinite, lastSavedStep == nil { await save() }
    try await evaluateIfOwed()
  }

  /// Makes the evaluation that a stop skipped.
  func evaluateIfOwed() async throws(RunEnd) {
    guard state.step > 0, calendar.evaluates(after: state.step), state.evaluatedStep != state.step,
      stopRequest.signal(after: state.step) == nil
    else { return }
    try await evaluate()
  }

  /// The outcome if the run ends before the next step; by then it is evaluated and saved. Nil if the run continues.
  private func ending() async throws(RunEnd) -> RunOutcome? {
    if let failure = writer?.firstFailure { throw RunEnd(.failed(failure.description)) }
    if let failure = recorder?.firstFailure { throw RunEnd(.failed(failure.description)) }
    let isOver = state.step >= calendar.totalSteps || hasStoppedEarly
    let outcome: RunOutcome
    if let signal = stopRequest.signal(after: state.step) {
      outcome = isOver ? .finished : .interrupted(signal)
    } else if isOver {
      // A finished run that is opened again is also evaluated for its result, but not recorded twice.
      if state.evaluatedStep != state.step || lastEvaluation == nil { try await evaluate() }
      if calendar.drawsSamples(after: state.step) { await drawSamples() }
      outcome = hasStoppedEarly ? .stoppedEarly : .finished
    } else if stopRequest.pauses(after: state.step) {
      outcome = .paused
    } else {
      return nil
    }
    await save()
    return outcome
  }

  private func evaluate() async throws(RunEnd) {
    let samples = model.data.splits.validation
    guard !samples.isEmpty else { return }
    model.update.average?.refreshBF16Weights()
    let usesAverage = model.update.average != nil
    let evaluation = Evaluation(
      samples, split: "validation", of: model.plan, after: state.step, usesAverage: usesAverage,
      judges: model.plan.isClassifier && mayBeLastEvaluation)
    await prepare(.evaluation(usesAverage: usesAverage))
    await perform(.evaluate(evaluation))
    try checkSamples()
    lastEvaluation = evaluation
    if state.evaluatedStep != state.step {
      record(evaluation)
      state.observe(validation: evaluation.total(), configuration: model.configuration)
      hasStoppedEarly = state.hasRunOutOfPatience(model.configuration.training.earlyStopping)
    }
    if lastSavedStep == state.step { noteBest() }
  }

  private func drawSamples() async {
    // A run without a folder has no place for samples.
    guard lastDrawnStep != state.step, writer != nil, let plan = model.plan.samples else { return }
    model.update.average?.refreshBF16Weights()
    let usesAverage = model.update.average != nil
    let drawing = SampleDrawing(plan, of: model, step: state.step, usesAverage: usesAverage)
    await prepare(.evaluation(usesAverage: usesAverage))
    await perform(.draw(drawing))
    lastDrawnStep = state.step
    recorder?.items.send(.samples(drawing), urgently: true)
  }

  /// Copies the state for the writer, unless the checkpoint of this step has been written.
  func save() async {
    guard lastSavedStep != state.step else { return noteBest() }
    guard let writer, snapshot != nil else {
      lastSavedStep = state.step
      return
    }
    clock.worked()
    let start = StageClock.now
    guard let ticket = await writer.tickets.receive() else { return }
    clock.waited()
    await perform(.snapshot)
    lastSavedStep = state.step
    noteBest()
    let saved = finalState
    let stall = StageClock.seconds(since: start)
    checkpointStall.count += 1
    checkpointStall.seconds += stall
    writer.orders.send(
      CheckpointOrder(
        ticket: ticket, metadata: calendar.metadata(saved, model.plan), pools: calendar.pools(saved),
        stallSeconds: stall))
  }

  /// Adds the checkpoint of this step to the best ones, if it was evaluated and is one of them.
  private func noteBest() {
    guard state.evaluatedStep == state.step, let lastEvaluation else { return }
    state.noteCheckpoint(validation: lastEvaluation.total(), model.configuration.checkpoints)
  }

  // MARK: Lanes and time

  private func prepare(_ program: Preparation.Program) async {
    if model.preparation.isNeeded(by: program) { await perform(.prepare(program)) }
  }

  private func perform(_ task: LaneTask) async {
    clock.worked()
    await lanes.perform(task)
    clock.waited()
  }

  /// Ends the run if samples could not be read, before their gradients are used.
  private func checkSamples() throws(RunEnd) {
    if let failure = model.data.source.failure { throw RunEnd(.failed("data: \(failure)")) }
  }
}
