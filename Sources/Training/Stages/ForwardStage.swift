import Data
import Kernels
import Layers
import Models
import Tensors

/// A lane's activations on the way from its forward to its backward stage: with the micro-batch they belong to.
// Sendable because it is noncopyable: the stage that holds it is alone with the program and the batch.
struct Tape: ~Copyable, @unchecked Sendable {
  let program: LaneProgram
  var microBatch: MicroBatch
}

/// Plays micro-batches forwards on one lane's thread, and takes part in whatever else the lanes do together.
///
/// The stage owns the lane's programs. It takes a micro-batch from the loader, runs the plan forwards and hands batch and
/// activations to the backward stage, which shares its thread; nothing is copied.
package actor ForwardStage {
  private nonisolated let thread: StageThread
  private let lane: Int
  private let model: RunModel
  private let backward: BackwardStage
  private let optimizer: OptimizerStage
  /// Nil where nothing is trained.
  private let loader: DataLoader?
  private let snapshot: StateSnapshot?
  private let clock: StageClock
  /// Nil in a run without a profile.
  private let track: ProfileTrack?

  package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  init(
    lane: Int, thread: StageThread, model: RunModel, backward: BackwardStage, optimizer: OptimizerStage,
    loader: DataLoader?, snapshot: StateSnapshot?, clock: StageClock, track: ProfileTrack? = nil
  ) {
    self.lane = lane
    self.thread = thread
    self.model = model
    self.backward = backward
    self.optimizer = optimizer
    self.loader = loader
    self.snapshot = snapshot
    self.clock = clock
    self.track = track
  }

  /// Does what the optimizer stage says until it says stop.
  func run() async {
    let programs = LanePrograms(model, lane: lane)
    while true {
      clock.worked()
      let work = await optimizer.next(lane: lane)
      clock.waited()
      track?.begin()
      switch work {
      case .prepare(let program): model.preparation.run(program, programs, lane: lane)
      case .play(let step, let watching): await play(programs, step: step, watching: watching)
      case .clipRows: if let clipping = model.adaptiveClipping { model.update.clipRows(lane: lane, clipping) }
      case .update: model.update.run(lane: lane)
      case .evaluate(let evaluation): evaluation.run(programs, lane: lane)
      case .draw(let drawing): drawing.run(programs, lane: lane)
      case .snapshot: snapshot?.take(lane: lane, of: model.tree.lanes)
      case .stop: return
      }
      if let track, let kind = work.span { track.note(kind) }
    }
  }

  private func play(_ programs: LanePrograms, step: Int, watching: Bool) async {
    guard let loader, let program = programs.training else { preconditionFailure("a model that only evaluates") }
    let turns = model.turns[lane]
    for position in turns.indices {
      clock.worked()
      guard let microBatch = await loader.queues[lane].receive() else { return }
      clock.waited()
      precondition(microBatch.index == model.tree.range(of: lane).lowerBound + position)
      model.bind(program, to: microBatch, step: step)
      // One micro-batch stands for the batch: watching is for a person's eye.
      let isWatched = watching && microBatch.index == 0
      model.losses[microBatch.index] = forward(program, part: microBatch.index, watching: isWatched)
      if isWatched { for index in program.watched.indices { model.watched[index] = program.watched[index] } }
      let tape = await backward.play(
        Tape(program: program, microBatch: microBatch), turn: turns[position],
        isLastTurn: position == turns.count - 1)
      loader.recycle(tape.finish(), lane: lane)
    }
  }
}

extension ForwardStage {
  private func forward(_ program: LaneProgram, part: Int, watching: Bool) -> LossSums {
    guard let track else { return program.forward(watching: watching) }
    track.begin()
    return program.forward(watching: watching) { track.note(.forward, layer: $0, microBatch: part) }
  }
}

extension Work {
  /// What a profile calls it; nil for what is shown in parts.
  fileprivate var span: ProfileSpan.Kind? {
    switch self {
    case .prepare: .preparation
    case .clipRows: .clipping
    case .update: .update
    case .evaluate, .draw: .evaluation
    case .snapshot: .snapshot
    case .play, .stop: nil
    }
  }
}

extension Tape {
  /// Gives the micro-batch back.
  consuming func finish() -> MicroBatch { microBatch }
}

/// A lane's programs: training, and evaluation with the current and the averaged parameters. They share activations.
final class LanePrograms {
  /// Nil in a model that only evaluates.
  let training: LaneProgram?
  private let evaluation: LaneProgram
  private let averaged: LaneProgram?
  let reader: SampleReader
  var evaluationBatch: MicroBatch
  private let boundFields: [(graph: Int, data: Int)]

  /// Must be made on the lane's thread.
  init(_ model: RunModel, lane: Int) {
    let store = PrimitiveStore()
    let preparation = model.preparation
    let activations = Arena(
      byteCount: max(
        preparation.training == nil ? 0 : model.plan.trainingPlan.activationByteCount,
        model.plan.evaluationPlan.activationByteCount))
    training = preparation.training.map {
      LaneProgram(model.plan.trainingPlan, state: model.state, activations: activations, prepared: $0, store: store)
    }
    training?.pass.seed = model.configuration.seed
    let evaluating = { (state: ModelState) in
      LaneProgram(
        model.plan.evaluationPlan, state: state, activations: activations, prepared: preparation.evaluation,
        store: store)
    }
    evaluation = evaluating(model.state)
    averaged = model.update.average.map(evaluating)
    // Every sequence that is evaluated begins anew, so what passes leave is never read.
    let sequenceState = Arena(byteCount: model.plan.evaluationPlan.sequenceStateByteCount)
    evaluation.bind(sequenceState: sequenceState)
    averaged?.bind(sequenceState: sequenceState)
    reader = SampleReader(model.data)
    evaluationBatch = MicroBatch(fields: model.data.fields, rows: model.plan.rows)
    boundFields = model.boundFields
  }

  func evaluation(usesAverage: Bool) -> LaneProgram { usesAverage ? averaged ?? evaluation : evaluation }

  func bindEvaluationBatch(to program: LaneProgram) {
    for field in boundFields { program.bind(field: field.graph, to: evaluationBatch.fields[field.data]) }
  }
}
