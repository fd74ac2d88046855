import Data
import Kernels
import Models
import Runs

/// A lane's activations and their micro-batch, on the way from its forward to its backward stage.
// Sendable because it is noncopyable: only the stage that holds it uses the program and the batch.
struct Tape: ~Copyable, @unchecked Sendable {
  let program: LaneProgram
  var microBatch: MicroBatch

  /// Gives the micro-batch back.
  consuming func finish() -> MicroBatch { microBatch }
}

/// Runs micro-batches forward on one lane's thread, and does the lane's share of all other tasks.
///
/// The stage owns the lane's programs. It takes a micro-batch from the loader, runs the plan forward, and hands batch
/// and activations to the backward stage, which shares its thread; nothing is copied.
package actor ForwardStage {
  private nonisolated let thread: StageThread
  private let lane: Int
  private let model: RunModel
  private let backward: BackwardStage
  private let optimizer: OptimizerStage
  private let lanes: LaneGroup
  private let loader: DataLoader
  /// Nil in a run that saves nothing.
  private let snapshot: StateSnapshot?
  private let clock: StageClock
  /// Nil unless the layers are observed.
  private let observer: (any StepObserver)?

  package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  init(
    lane: Int, thread: StageThread, model: RunModel, lanes: LaneGroup, loader: DataLoader,
    snapshot: StateSnapshot? = nil, clock: StageClock, observer: (any StepObserver)? = nil
  ) {
    self.lane = lane
    self.thread = thread
    self.model = model
    self.lanes = lanes
    self.loader = loader
    self.snapshot = snapshot
    self.clock = clock
    self.observer = observer
    backward = BackwardStage(thread: thread, lane: lane, reduction: model.reduction, observer: observer)
    optimizer = OptimizerStage(thread: thread, lane: lane, model: model)
  }

  /// Does the lane's share of every task until the coordinator lets the lanes go.
  func run() async {
    let programs = LanePrograms(model)
    while true {
      clock.worked()
      let task = await lanes.next(lane: lane)
      clock.waited()
      observer?.begin()
      switch task {
      case .prepare(let program): model.preparation.run(program, programs, lane: lane)
      case .forwardBackward(let step, let watching): await run(programs.training, step: step, watching: watching)
      case .clipRows: await optimizer.clipRows()
      case .update: await optimizer.updateParameters()
      case .evaluate(let evaluation):
        evaluation.run(programs.evaluation(usesAverage: evaluation.usesAverage), programs.evaluationBatch, lane: lane)
      case .draw(let drawing):
        drawing.run(programs.evaluation(usesAverage: drawing.usesAverage), lane: lane)
      case .snapshot: snapshot?.take(lane: lane, of: lanes.count)
      case .stop: return
      }
      observer?.performed(task)
    }
  }

  /// Runs the lane's micro-batches of one step forward and backward.
  private func run(_ program: LaneProgram, step: Int, watching: Bool) async {
    let turns = model.turns[lane]
    for position in turns.indices {
      clock.worked()
      guard let microBatch = await loader.queues[lane].receive() else { return }
      clock.waited()
      precondition(microBatch.index == model.tree.range(of: lane).lowerBound + position)
      model.bind(program, to: microBatch, step: step)
      observer?.received(microBatch.fields, microBatch: microBatch.index)
      // Statistics of one micro-batch are enough to look at.
      let isWatched = watching && microBatch.index == 0
      let tape = Tape(program: program, microBatch: microBatch)
      model.losses[tape.microBatch.index] = forward(tape, watching: isWatched)
      if isWatched { for index in program.watched.indices { model.watched[index] = program.watched[index] } }
      let finished = await backward.run(tape, turn: turns[position], isLastTurn: position == turns.count - 1)
      loader.recycle(finished.finish(), lane: lane)
    }
  }

  private func forward(_ tape: borrowing Tape, watching: Bool) -> LossSums {
    guard let observer else { return tape.program.forward(watching: watching) }
    observer.begin()
    return tape.program.forward(watching: watching) { observer.ranForward($0, tape) }
  }
}
