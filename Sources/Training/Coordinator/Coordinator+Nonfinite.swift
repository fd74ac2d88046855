import Checkpoints
import Configuration
import Foundation
import Kernels
import Metrics
import Optimizers
import Runs

/// Losses and gradients that are not finite: parameters are never updated with them.
extension Coordinator {
  /// Follows the run's policy for a batch whose loss or gradients are not finite.
  ///
  /// - Throws: if the policy is to abort.
  func handleNonfinite(_ policy: NonfinitePolicy) async throws(RunEnd) -> NonfinitePolicy.Decision {
    let place = measurements.nonfinitePlace(model.table)
    let decision = policy.decide(skipped: state.skippedUpdates, rollBacks: state.rollBacks)
    switch decision {
    case .abort(let reason):
      // The lanes can still stop cleanly; earlier checkpoints stay as they are.
      throw RunEnd(.diverged("step \(state.step + 1): \(place) (\(reason))"))
    case .skip:
      state.skippedUpdates += 1
      record(.skippedNonfinite, "step \(state.step + 1): update skipped, \(place)")
      (measurements.learningRate, measurements.clipScale) = (model.learningRate(state, calendar), 1)
      measurements.measureParameters(model)
      // The failed pass has left its recurrent state for the next batch.
      for arena in model.sequenceStates { arena.all(as: .float32).zero() }
    case .rollBack: try await rollBack(place)
    }
    return decision
  }

  /// Returns to the newest checkpoint, or to the start, and continues with the batches after the bad one.
  private func rollBack(_ place: String) async throws(RunEnd) {
    let badStep = state.step + 1
    isPrepared = false
    do {
      var restored = try await restore()
      restored.cursor = state.cursor + 1
      restored.rollBacks = state.rollBacks + 1
      restored.skippedUpdates = state.skippedUpdates
      state = restored
      lastSavedStep = state.step
      if let header { try await recorder?.rewind(to: state, header: header) }
    } catch {
      throw RunEnd(.failed("step \(badStep): \(place); rolling back failed: \(error)"))
    }
    record(.rolledBack, "back from step \(badStep) to \(state.step): \(place)")
    try await evaluateIfOwed()
  }

  /// Reads the newest good checkpoint into the model, or initializes the model if there is none.
  private func restore() async throws -> RunState {
    await writer?.finishOrders()
    guard let writer, let checkpoint = try writer.folder.newestGood() else {
      model.initialize()
      if let initialParameters { try model.load(parametersFrom: URL(fileURLWithPath: initialParameters)) }
      writer?.distrust(after: nil)
      return RunState(startOf: model.configuration)
    }
    let metadata = try CheckpointFile.read(at: checkpoint.url, into: model.checkpointTensors)
    model.state.refreshBF16Weights()
    writer.distrust(after: checkpoint.step)
    var state = try metadata.runState(of: checkpoint.url)
    try state.judgeAgain(
      by: model.configuration, after: metadata.configuration(of: checkpoint.url), in: writer.folder)
    return state
  }
}
