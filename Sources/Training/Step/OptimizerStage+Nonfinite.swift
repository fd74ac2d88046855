import Checkpoints
import Configuration
import Foundation
import Kernels
import Optimizers
import Runs

/// Losses and gradients that are not finite.
extension OptimizerStage {
  /// What the policy says: parameters are never updated with such a gradient.
  func handleNonfinite() async -> Work {
    let place = nonfinitePlace()
    let policy = model.configuration.training.nonfinite
    switch policy.decide(skipped: state.skippedUpdates, rollBacks: state.rollBacks) {
    case .abort(let reason):
      // The lanes may still stop cleanly; what was saved before stays as it is.
      return finish(.diverged("step \(state.step + 1): \(place) (\(reason))"))
    case .skip:
      state.skippedUpdates += 1
      tell(.skippedNonfinite, "step \(state.step + 1): update left out, \(place)")
      (learningRate, clipScale) = (scheduledRate, 1)
      // The pass that went wrong has left its state for the next ones.
      for arena in model.carried { arena.all(as: .float32).zero() }
      for (index, entry) in model.table.entries.enumerated() {
        updateStatistics[index] = UpdateStatistics()
        updateStatistics[index].parameter = Statistics.measure(model.table.slice(entry, in: model.state.parameters))
      }
      return await endStep()
    case .rollBack: return await rollBack(place)
    }
  }

  /// The first layer from the input whose gradient is not finite, or the loss.
  func nonfinitePlace() -> String {
    guard let tensor = gradientStatistics.firstIndex(where: { $0.nonfinite > 0 }) else {
      return "the loss is \(lastLoss)"
    }
    let statistics = gradientStatistics[tensor]
    let count = gradientStatistics.count { $0.nonfinite > 0 }
    return "\(statistics.nonfinite) elements of the gradient of \(model.table.entries[tensor].name) are not finite "
      + "(\(count) of \(gradientStatistics.count) tensors are affected; the loss is \(lastLoss))"
  }

  /// Goes back to the newest checkpoint, or to the start, and on with the batches behind the bad one.
  func rollBack(_ place: String) async -> Work {
    let badStep = state.step + 1
    isPrepared = false
    var restored = RunState()
    restored.plateau = model.configuration.schedule.initialPlateau
    do {
      if let writer { await writer.finishOrders() }
      if let checkpoint = try writer?.folder.newestGood() {
        let metadata = try CheckpointFile.read(at: checkpoint.url, into: model.checkpointTensors)
        model.state.refreshBF16Weights()
        restored = try metadata.runState(of: checkpoint.url)
        writer?.distrust(after: checkpoint.step)
      } else {
        model.initialize()
        if let initialParameters { try model.load(parametersFrom: URL(fileURLWithPath: initialParameters)) }
        writer?.distrust(after: nil)
      }
      restored.cursor = state.cursor + 1
      restored.rollBacks = state.rollBacks + 1
      restored.skippedUpdates = state.skippedUpdates
      state = restored
      lastSavedStep = state.step
      try await recorder.rewind(to: state, header: header)
    } catch {
      return finish(.failed("step \(badStep): \(place); rolling back failed: \(error)"))
    }
    tell(.rolledBack, "back from step \(badStep) to \(state.step): \(place)")
    return await goOn()
  }
}
