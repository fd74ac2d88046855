import Data
import Kernels
import Layers
import Models
import Optimizers
import Runs
import Tensors

/// A plan with its memory, shared by all stages of a run.
///
/// The parts that change during a step are arenas and shared arrays; the tasks of the step order their writers.
package final class RunModel: Sendable {
  package let plan: RunPlan
  package let state: ModelState
  package let reduction: GradientReduction
  package let update: ParameterUpdate
  let preparation: Preparation

  let boundFields: [RunPlan.BoundField]
  /// The order and the gradient buffers of each lane's micro-batches.
  let turns: [[GradientTree.Turn]]
  /// The batch statistics of each micro-batch; empty if the model has no buffers.
  let batchStatistics: [Arena]
  /// The recurrent state of each micro-batch, for the next batch; empty if no layer has one.
  let sequenceStates: [Arena]
  let losses: SharedArray<LossSums>
  let watched: SharedArray<ActivationStatistics>
  package let watchedNames: [String]

  package var configuration: RunConfiguration { plan.configuration }
  package var data: Dataset { plan.data }
  package var graph: ModelGraph { plan.graph }
  package var table: ParameterTable { plan.table }
  package var tree: GradientTree { plan.tree }
  package var batchSize: Int { plan.batchSize }

  var adaptiveClipping: AdaptiveClipping? {
    if case .adaptive(let clipping) = configuration.clipping { clipping } else { nil }
  }

  /// Allocates everything but the lanes' activations.
  package init(_ plan: RunPlan) {
    self.plan = plan
    let tree = plan.tree
    state = ModelState(plan.table, precision: plan.configuration.training.precision)
    losses = SharedArray(repeating: LossSums(), count: tree.microBatches)
    reduction = GradientReduction(plan, losses: losses)
    update = ParameterUpdate(plan, state: state, reduction: reduction)
    preparation = Preparation(plan)
    boundFields = plan.boundFields
    turns = (0..<tree.lanes).map(tree.turns(of:))
    let bufferBytes = plan.table.bufferByteCount
    batchStatistics = bufferBytes == 0 ? [] : (0..<tree.microBatches).map { _ in Arena(byteCount: bufferBytes) }
    let stateBytes = plan.trainingPlan.sequenceStateByteCount
    sequenceStates = stateBytes == 0 ? [] : (0..<tree.microBatches).map { _ in Arena(byteCount: stateBytes) }
    watchedNames = plan.trainingPlan.steps.filter { $0.layer.watchedActivation != nil }.map(\.name)
    watched = SharedArray(
      repeating: ActivationStatistics(rms: 0, deadShare: 0, saturatedShare: 0), count: watchedNames.count)
  }

  /// Initializes all tensors from the seed.
  package func initialize() {
    state.table.initialize(parameters: state.parameters, buffers: state.buffers, seed: configuration.seed)
    for arena in update.states + sequenceStates { arena.all(as: .float32).zero() }
    adoptParameters()
  }

  /// Updates bf16 weights and average after the parameters were written from outside.
  package func adoptParameters() {
    state.refreshBF16Weights()
    update.average?.parameters.copy(from: state.parameters)
    update.average?.buffers.copy(from: state.buffers)
  }
}
