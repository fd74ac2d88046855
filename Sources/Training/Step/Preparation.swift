import Models
import Runs
import Tensors

/// The tensors that layers derive from the parameters for all lanes to read, such as packed weights, and each lane's
/// share of the work.
package final class Preparation: Sendable {
  /// One of a lane's programs.
  package enum Program: Sendable, Equatable {
    case training
    /// With the current parameters, or with their average: both use one arena.
    case evaluation(usesAverage: Bool)
  }

  let training: Arena
  let evaluation: Arena
  private let trainingShares: [[Int]]
  private let evaluationShares: [[Int]]

  init(_ plan: RunPlan) {
    let lanes = plan.tree.lanes
    training = Arena(byteCount: plan.trainingPlan.preparedByteCount)
    evaluation = Arena(byteCount: plan.evaluationPlan.preparedByteCount)
    trainingShares = plan.trainingPlan.preparationShares(lanes: lanes)
    evaluationShares = plan.evaluationPlan.preparationShares(lanes: lanes)
  }

  /// Whether any layer of the program prepares anything.
  func isNeeded(by program: Program) -> Bool {
    (program == .training ? training : evaluation).byteCount > 0
  }

  /// Does one lane's share. The tensors depend on the layer alone, not on the lane.
  func run(_ program: Program, _ programs: LanePrograms, lane: Int) {
    switch program {
    case .training: programs.training.prepare(trainingShares[lane])
    case .evaluation(let usesAverage): programs.evaluation(usesAverage: usesAverage).prepare(evaluationShares[lane])
    }
  }
}
