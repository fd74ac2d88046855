import Runs

/// The end of a run between or within steps, thrown to leave the training loop.
struct RunEnd: Error {
  let outcome: RunOutcome

  init(_ outcome: RunOutcome) { self.outcome = outcome }
}

/// The time that the lanes stood still for checkpoints in a session: from the wait for the snapshot, which the last
/// checkpoint may still hold, until all lanes have copied their share and the writer has its order.
package struct CheckpointStall: Sendable {
  package var count = 0
  package var seconds = 0.0
}
