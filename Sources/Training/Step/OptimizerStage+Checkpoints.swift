import Checkpoints
import Configuration

/// How long the lanes stood still for checkpoints in a session: from the wait for the snapshot, which the last checkpoint
/// may still hold, until all have copied their share and the writer knows of it.
package struct CheckpointStall: Sendable {
  package var count = 0
  package var seconds = 0.0
}

/// When the state is copied for the writer, and what goes with it.
extension OptimizerStage {
  func saveOrGoOn() async -> Work {
    if calendar.saves(after: state.step) {
      if lastSavedStep == state.step {
        noteBest()
      } else if let work = await beginSnapshot() {
        return work
      }
    }
    return await beginStepOrFinish()
  }

  func beginSnapshot() async -> Work? {
    guard let writer, snapshot != nil else {
      lastSavedStep = state.step
      return nil
    }
    clock.worked()
    snapshotStart = StageClock.now
    guard let ticket = await writer.tickets.receive() else { return nil }
    clock.waited()
    heldTicket = consume ticket
    phase = .snapshotting
    return .snapshot
  }

  /// Enters the checkpoint of this step among the best, if it was evaluated and is one of them.
  func noteBest() {
    guard state.evaluatedStep == state.step, let lastEvaluation else { return }
    state.noteCheckpoint(validation: lastEvaluation.total(), model.configuration.checkpoints)
  }

  func orderCheckpoint() async {
    guard let ticket = heldTicket.take(), let writer else { return }
    lastSavedStep = state.step
    noteBest()
    let saved = finalState
    let metadata = calendar.metadata(saved, model)
    let pools = calendar.pools(saved)
    let stall = StageClock.seconds(since: snapshotStart)
    checkpointStall.count += 1
    checkpointStall.seconds += stall
    writer.orders.send(CheckpointOrder(ticket: ticket, metadata: metadata, pools: pools, stallSeconds: stall))
  }
}
