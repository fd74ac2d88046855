import Runs

/// Plays micro-batches backwards on one lane's thread and hands their gradients to the reduction, layer by layer.
package actor BackwardStage {
  private nonisolated let thread: StageThread
  private let lane: Int
  private let reduction: GradientReduction
  /// Nil in a run without a profile.
  private let track: ProfileTrack?

  package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  init(thread: StageThread, lane: Int, reduction: GradientReduction, track: ProfileTrack? = nil) {
    self.thread = thread
    self.lane = lane
    self.reduction = reduction
    self.track = track
  }

  /// - Parameters:
  ///   - turn: which of the lane's gradient buffers this micro-batch's gradients go to.
  ///   - isLastTurn: whether the lane has no further micro-batch in this batch.
  /// - Returns: the tape, for the next micro-batch.
  func play(_ tape: consuming Tape, turn: GradientTree.Turn, isLastTurn: Bool) -> Tape {
    tape.program.bind(gradients: reduction.laneArenas[lane][turn.buffer])
    guard let track else {
      tape.program.backward { step in reduction.finished(step: step, lane: lane, turn: turn, isLastTurn: isLastTurn) }
      return tape
    }
    let part = tape.microBatch.index
    track.begin()
    tape.program.backward { step in
      track.note(.backward, layer: step, microBatch: part)
      reduction.finished(step: step, lane: lane, turn: turn, isLastTurn: isLastTurn)
      track.note(.reduction, layer: step, microBatch: part)
    }
    return tape
  }
}
