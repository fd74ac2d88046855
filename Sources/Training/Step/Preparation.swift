import Models
import Runs
import Tensors

/// What layers derive from the parameters for all lanes to read, such as packed weights, and which lane derives what.
package final class Preparation: Sendable {
  /// Which of a lane's programs is prepared.
  package enum Program: Sendable, Equatable {
    case training
    /// With the current parameters, or with their average: the two take turns in one arena.
    case evaluation(usesAverage: Bool)
  }

  /// Nil in a model that only evaluates.
  let training: Arena?
  let evaluation: Arena
  private let trainingShares: [[Int]]
  private let evaluationShares: [[Int]]

  init(_ plan: RunPlan, trains: Bool) {
    let lanes = plan.tree.lanes
    training = trains ? Arena(byteCount: plan.trainingPlan.preparedByteCount) : nil
    evaluation = Arena(byteCount: plan.evaluationPlan.preparedByteCount)
    trainingShares = plan.trainingPlan.preparationShares(lanes: lanes)
    evaluationShares = plan.evaluationPlan.preparationShares(lanes: lanes)
  }

  /// Whether any layer of the program prepares anything.
  func isNeeded(by program: Program) -> Bool {
    (program == .training ? training?.byteCount ?? 0 : evaluation.byteCount) > 0
  }

  /// One lane's share: what it writes depends on the layer alone, not on the lane.
  func run(_ program: Program, _ programs: LanePrograms, lane: Int) {
    switch program {
    case .training: programs.training?.prepare(trainingShares[lane])
    case .evaluation(let usesAverage): programs.evaluation(usesAverage: usesAverage).prepare(evaluationShares[lane])
    }
  }
}
