/// Plays micro-batches backwards on one lane's thread and hands their gradients to the reduction, layer by layer.
package actor BackwardStage {
  private nonisolated let thread: StageThread
  private let lane: Int
  private let reduction: GradientReduction

  package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  init(thread: StageThread, lane: Int, reduction: GradientReduction) {
    self.thread = thread
    self.lane = lane
    self.reduction = reduction
  }

  /// - Parameters:
  ///   - turn: which of the lane's gradient buffers this micro-batch's gradients go to.
  ///   - isLastTurn: whether the lane has no further micro-batch in this batch.
  /// - Returns: the tape, for the next micro-batch.
  func play(_ tape: consuming Tape, turn: GradientTree.Turn, isLastTurn: Bool) -> Tape {
    tape.program.bind(gradients: reduction.laneArenas[lane][turn.buffer])
    tape.program.backward { step in reduction.finished(step: step, lane: lane, turn: turn, isLastTurn: isLastTurn) }
    return tape
  }
}
