import Optimizers
import Runs

extension RunModel {
  /// The learning rate of the next step: the configured rate times the factors of the schedule and of a plateau.
  func learningRate(_ state: RunState, _ calendar: RunCalendar) -> Double {
    configuration.optimizer.learningRate * calendar.rateFactor(step: state.step) * (state.plateau?.factor ?? 1)
  }
}
