import Data
import Kernels
import Layers
import Models
import Optimizers
import Runs

/// The work between the gradients of a batch and the sweep that updates the parameters.
extension RunModel {
  /// Moves running statistics by what each micro-batch observed, in their order, and draws their average along as the
  /// update does that of the parameters: statistics of other weights than those they are used with would be wrong.
  ///
  /// - Parameter step: counted from 0.
  func foldBatchStatistics(step: Int) {
    for observed in batchStatistics {
      for buffer in table.buffers {
        graph.nodes[buffer.node].layer.fold(
          batchStatistics: table.slice(buffer, in: observed), into: table.slice(buffer, in: state.buffers),
          at: buffer.index)
      }
    }
    guard let average = update.average else { return }
    let weight = Float(1 - configuration.training.average.decay(step: step))
    let running = state.buffers.all(as: .float32).floats
    var averaged = average.buffers.all(as: .float32).mutableFloats
    for index in running.indices { averaged[index] += weight * (running[index] - averaged[index]) }
  }

  /// The rate of the step after those that `state` counts.
  func learningRate(_ state: RunState, _ calendar: RunCalendar) -> Double {
    configuration.optimizer.learningRate * calendar.rateFactor(step: state.step) * (state.plateau?.factor ?? 1)
  }

  /// Sets the scalars of the next update, tensor by tensor.
  ///
  /// - Parameters:
  ///   - gradients: of the batch, tensor by tensor; `norm` is that of all of them.
  /// - Returns: the factor of clipping.
  func setUpdate(
    _ state: RunState, learningRate: Double, _ gradients: [TensorStatistics], norm: Double
  ) -> Double {
    let clipping = configuration.clipping.scales(gradients, globalNorm: norm)
    let averageDecay = configuration.training.average.decay(step: state.step)
    for (index, group) in plan.groups.enumerated() {
      var scalars = UpdateScalars()
      scalars.learningRate = learningRate * group.rateScale
      scalars.weightDecay = group.weightDecay
      scalars.gradientScale = clipping.scale(of: index)
      scalars.clipValue = clipping.value
      scalars.step = state.step + 1
      scalars.averageDecay = averageDecay
      update.scalars[index] = scalars
    }
    return Double(clipping.globalScale)
  }

  /// Binds a lane's program to a micro-batch and to what goes with it.
  func bind(_ program: LaneProgram, to microBatch: borrowing MicroBatch, step: Int) {
    for field in boundFields { program.bind(field: field.graph, to: microBatch.fields[field.data]) }
    if !batchStatistics.isEmpty { program.bind(batchStatistics: batchStatistics[microBatch.index]) }
    if !sequenceStates.isEmpty { program.bind(sequenceState: sequenceStates[microBatch.index]) }
    program.pass.step = step
    program.pass.position = microBatch.position
    program.pass.microBatch = microBatch.index
    program.pass.validRows = microBatch.sampleCount
  }
}
