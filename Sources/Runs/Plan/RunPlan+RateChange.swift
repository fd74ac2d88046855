import Configuration
import Foundation
import Optimizers

extension RunPlan {
  /// A larger change of the next learning rate is worth a remark.
  private static let notedChange = 0.01

  /// A remark where another duration moves the learning rate of a resumed run; nil where the rate goes its way.
  ///
  /// - Parameter writer: the configuration that the run has followed so far.
  package func rateChange(after state: RunState, writer: RunConfiguration) -> String? {
    let oldSteps = writer.training.duration.steps(perEpoch: stepsPerEpoch)
    guard oldSteps != totalSteps, oldSteps > 0, state.step > 0, state.step < totalSteps else { return nil }
    func rate(_ step: Int, of steps: Int) -> Double {
      let horizon = ScheduleHorizon(totalSteps: steps, stepsPerEpoch: stepsPerEpoch)
      return configuration.optimizer.learningRate * configuration.schedule.factor(step: step, horizon: horizon)
        * (state.plateau?.factor ?? 1)
    }
    // A run that had ended has a last rate only.
    let before = rate(min(state.step, oldSteps - 1), of: oldSteps)
    let after = rate(state.step, of: totalSteps)
    guard abs(after - before) > Self.notedChange * max(before, after) else { return nil }
    return String(
      format:
        "the learning rate continues at %.3g, not at %.3g: the schedule follows training.duration, now %@, was %@",
      after, before, configuration.training.duration.description, writer.training.duration.description)
  }
}
