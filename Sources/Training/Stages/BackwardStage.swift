import Runs

/// Runs micro-batches backward on one lane's thread and hands their gradients to the reduction, layer by layer.
package actor BackwardStage {
  private nonisolated let thread: StageThread
  private let lane: Int
  private let reduction: GradientReduction
  /// Nil unless the layers are observed.
  private let observer: (any StepObserver)?

  package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  init(thread: StageThread, lane: Int, reduction: GradientReduction, observer: (any StepObserver)?) {
    self.thread = thread
    self.lane = lane
    self.reduction = reduction
    self.observer = observer
  }

  /// - Parameters:
  ///   - turn: the lane's gradient buffer for this micro-batch, and the sums that follow it.
  ///   - isLastTurn: whether the lane has no further micro-batch in this batch.
  /// - Returns: the tape, for the next micro-batch.
  func run(_ tape: consuming Tape, turn: GradientTree.Turn, isLastTurn: Bool) -> Tape {
    tape.program.bind(gradients: reduction.laneArenas[lane][turn.buffer])
    guard let observer else {
      tape.program.backward { layer in
        reduction.finished(step: layer, lane: lane, turn: turn, isLastTurn: isLastTurn)
      }
      return tape
    }
    observer.begin()
    tape.program.backward { layer in
      observer.ranBackward(layer, tape)
      reduction.finished(step: layer, lane: lane, turn: turn, isLastTurn: isLastTurn)
      observer.reduced(layer, microBatch: tape.microBatch.index)
    }
    return tape
  }
}
