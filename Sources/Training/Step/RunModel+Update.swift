import Data
import Kernels
import Layers
import Models
import Optimizers
import Runs

/// The work between the gradients of a batch and the sweep that updates the parameters.
extension RunModel {
  /// Updates the running statistics with each micro-batch's statistics, in order, and their moving average by the rule
  /// of the parameters' average, whose statistics it holds.
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

  /// Sets the scalars of the next update, tensor by tensor.
  ///
  /// - Parameters:
  ///   - gradients: of the batch, tensor by tensor.
  ///   - norm: of all gradients.
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

  /// Binds a lane's program to a micro-batch, its statistics and its recurrent state.
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
