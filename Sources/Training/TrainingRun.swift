import Checkpoints
import Data
import Foundation
import Inference
import Metrics
import Runs

/// A run from its first or a later step to its end: makes the stages, starts them, and waits for them.
package struct TrainingRun: Sendable {
  package struct Result: Sendable {
    package let outcome: RunOutcome
    package let state: RunState
    /// Mean training loss of the last step.
    package let loss: Double
    /// The last evaluation and its result.
    package let evaluation: Evaluation?
    package let validation: SplitScore?
    package let checkpointStall: CheckpointStall
    /// Seconds that the lanes worked or waited in this session.
    package let sessionSeconds: Double
    /// The seconds of each stage in this session; empty if they were recorded.
    package let stages: [StageTime]
  }

  /// The state that a run starts from.
  package struct Start: Sendable {
    package let state: RunState
    /// False for a new run.
    package let isResumed: Bool
    /// The file of the run's first parameters; nil if they came from the seed.
    package let initialParameters: String?

    package init(state: RunState, isResumed: Bool, initialParameters: String? = nil) {
      self.state = state
      self.isResumed = isResumed
      self.initialParameters = initialParameters
    }
  }

  package let model: RunModel
  /// The folder of checkpoints and records; nil for a run that writes nothing, such as a benchmark.
  package let folder: URL?
  package let start: Start
  package let stopRequest: StopRequest
  /// The profile to fill; nil by default.
  package let profile: StepProfile?
  package let progress: @Sendable (RunProgress) -> Void

  package init(
    model: RunModel, folder: URL?, start: Start, stopRequest: StopRequest = StopRequest(),
    profile: StepProfile? = nil, progress: @escaping @Sendable (RunProgress) -> Void = { _ in }
  ) {
    self.model = model
    self.folder = folder
    self.start = start
    self.stopRequest = stopRequest
    self.profile = profile
    self.progress = progress
  }

  /// Trains.
  ///
  /// - Returns: once every stage has finished and everything is on the disk.
  package func run() async throws(RunError) -> Result {
    let lanes = model.tree.lanes
    let clocks = StageClocks(lanes: lanes, profile: profile)
    // Spinning pays while every lane has a core of its own.
    let spins = lanes <= ProcessInfo.processInfo.activeProcessorCount ? StageThread.shortSpin : 0
    let laneThreads = (0..<lanes).map { StageThread("lane \($0)", spins: spins, prepare: LaneThread.prepare) }
    let loaderThread = StageThread("loader")
    let recorderThread = StageThread("recorder")
    let writerThread = StageThread("writer")
    defer { for thread in laneThreads + [loaderThread, recorderThread, writerThread] { thread.finish() } }

    let header = RunHeader(model, lanes: lanes)
    let beginning = model.data.skipped.map { EventRecord(step: 0, kind: .skippedSamples, text: $0.description) }
    let recorder = Recorder(
      thread: recorderThread, folder: folder, totalSteps: model.plan.totalSteps,
      beginning: beginning.map { [$0] } ?? [], clocks: clocks.all, clock: clocks.recorder,
      tensors: model.table.entries.count, layers: model.watchedNames.count, progress: progress)
    do throws(RecordsError) {
      try await recorder.open(resumeAt: start.isResumed ? start.state : nil, header: header)
    } catch {
      throw RunError(error.description)
    }
    if !start.isResumed { await recorder.describe(model.configuration) }
    let snapshot = folder.map { _ in StateSnapshot(model) }
    var writer: CheckpointWriter?
    if let folder, let snapshot {
      let found = start.isResumed ? (try? CheckpointFolder(folder).all().map(\.step)) ?? [] : []
      writer = CheckpointWriter(
        thread: writerThread, folder: folder, found: Set(found), snapshot: snapshot, recorder: recorder,
        clock: clocks.writer)
    }
    let loader = DataLoader(
      thread: loaderThread, data: model.data, tree: model.tree, rows: model.plan.rows, cursor: start.state.cursor,
      clock: clocks.loader)
    let meeting = LaneGroup(count: lanes)
    let coordinator = Coordinator(
      thread: laneThreads[0], model: model, lanes: meeting, start: start, clock: clocks.coordinator,
      stopRequest: stopRequest, recorder: recorder, header: header, writer: writer, snapshot: snapshot,
      profile: profile?.window)

    let loading = Task(executorPreference: loaderThread) { await loader.run() }
    let recording = Task(executorPreference: recorderThread) { await recorder.run() }
    let writing = Task(executorPreference: writerThread) { [writer] in await writer?.run() }
    if start.isResumed {
      recorder.items.send(
        .event(EventRecord(step: start.state.step, kind: .resumed, text: "resumed after step \(start.state.step)")),
        urgently: true)
    }
    let coordinating = Task(executorPreference: laneThreads[0]) { await coordinator.run() }
    await withTaskGroup { group in
      for lane in 0..<lanes {
        let stage = ForwardStage(
          lane: lane, thread: laneThreads[lane], model: model, lanes: meeting, loader: loader, snapshot: snapshot,
          clock: clocks.lanes[lane], observer: profile?.lanes[lane])
        group.addTask(executorPreference: laneThreads[lane]) { await stage.run() }
      }
    }
    var outcome = await coordinating.value
    loader.stop()
    writer?.orders.close()
    await loading.value
    await writing.value
    if let failure = writer?.firstFailure { outcome = .failed(failure.description) }
    let state = await coordinator.finalState
    let sessionSeconds = await coordinator.sessionSeconds
    await recorder.finish(outcome.event(step: state.step))
    recorder.items.close()
    await recording.value
    if let failure = recorder.firstFailure, outcome.failure == nil { outcome = .failed(failure.description) }
    let evaluation = await coordinator.lastEvaluation
    return Result(
      outcome: outcome, state: state, loss: await coordinator.measurements.loss,
      evaluation: evaluation, validation: evaluation.map { SplitScore($0, of: model.plan) },
      checkpointStall: await coordinator.checkpointStall, sessionSeconds: sessionSeconds,
      stages: folder == nil ? clocks.all.map { $0.take() } : [])
  }
}

/// The clocks of a run's stages.
struct StageClocks: Sendable {
  /// The stages besides the lanes.
  static let stageNames = ["loader", "coordinator", "writer", "recorder"]

  let loader: StageClock
  let lanes: [StageClock]
  let coordinator: StageClock
  let writer: StageClock
  let recorder: StageClock

  /// - Parameter profile: shows the lanes' layers and, by these clocks, the waiting of lanes and the work of other
  ///   stages.
  init(lanes: Int, profile: StepProfile?) {
    self.lanes = (0..<lanes).map { StageClock("lane \($0)", track: profile?.lanes[$0], drawing: .waiting) }
    let stages = Self.stageNames.map { name in
      StageClock(name, track: profile?.stages.first { $0.name == name })
    }
    (loader, coordinator, writer, recorder) = (stages[0], stages[1], stages[2], stages[3])
  }

  var all: [StageClock] { [loader] + lanes + [coordinator, writer, recorder] }
}

extension RunOutcome {
  func event(step: Int) -> EventRecord {
    switch self {
    case .finished: EventRecord(step: step, kind: .finished, text: "finished")
    case .stoppedEarly: EventRecord(step: step, kind: .earlyStop, text: "stopped early: validation no longer improved")
    case .paused: EventRecord(step: step, kind: .stopped, text: "paused as requested, saved")
    case .interrupted(let signal): EventRecord(step: step, kind: .stopped, text: "stopped by signal \(signal), saved")
    case .diverged(let reason), .failed(let reason): EventRecord(step: step, kind: .failed, text: reason)
    }
  }
}

extension RunHeader {
  /// The first line of a run's records.
  init(_ model: RunModel, lanes: Int) {
    let configuration = model.configuration
    self.init(
      name: configuration.name, family: configuration.modelKind, parameterCount: model.table.parameterCount,
      seed: configuration.seed, precision: configuration.training.precision.rawValue,
      microBatches: model.tree.microBatches, lanes: lanes, started: Date.now.ISO8601Format(),
      hostThreads: ProcessInfo.processInfo.activeProcessorCount,
      tensors: zip(model.table.entries, model.plan.groups).map { entry, group in
        TensorDescription(
          name: entry.name, elementCount: entry.count, depth: entry.depth, isWeight: entry.isWeight && !group.isFrozen)
      },
      activationLayers: model.watchedNames)
  }
}
