import Kernels
import Metrics
import Models
import Tensors

/// The numbers of one step: its loss, the norms of gradients and updates, its learning rate.
struct StepMeasurements: Sendable {
  /// The mean training loss of the batch.
  private(set) var loss = 0.0
  /// Statistics of the batch's gradients, by tensor.
  private(set) var gradients: [TensorStatistics]
  private(set) var gradientNorm = 0.0
  /// Statistics of parameters and their updates, by tensor.
  var updates: [UpdateStatistics]
  /// The factor of clipping.
  var clipScale = 1.0
  var learningRate = 0.0

  init(tensors: Int) {
    gradients = [TensorStatistics](repeating: TensorStatistics(), count: tensors)
    updates = [UpdateStatistics](repeating: UpdateStatistics(), count: tensors)
  }

  mutating func measureGradients(_ model: RunModel) {
    var sums = LossSums()
    for index in 0..<model.losses.count { sums.merge(model.losses[index]) }
    loss = sums.mean
    model.reduction.collect(into: &gradients)
    gradientNorm = gradients.reduce(0) { $0 + $1.sumOfSquares }.squareRoot()
  }

  /// Measures the parameters of a step without an update.
  mutating func measureParameters(_ model: RunModel) {
    for (index, entry) in model.table.entries.enumerated() {
      updates[index] = UpdateStatistics()
      updates[index].parameter = Statistics.measure(model.table.slice(entry, in: model.state.parameters))
    }
  }

  /// The first tensor from the input whose gradient is not finite.
  var nonfiniteTensor: Int? { gradients.firstIndex { $0.nonfinite > 0 } }

  var areFinite: Bool { loss.isFinite && nonfiniteTensor == nil }

  /// The first gradient that is not finite, or the loss, as a message.
  func nonfinitePlace(_ table: ParameterTable) -> String {
    guard let tensor = nonfiniteTensor else { return "the loss is \(loss)" }
    let count = gradients.count { $0.nonfinite > 0 }
    return "\(gradients[tensor].nonfinite) elements of the gradient of \(table.entries[tensor].name) are not finite "
      + "(\(count) of \(gradients.count) tensors are affected; the loss is \(loss))"
  }

  func write(to norms: SharedArray<TensorNorms>) {
    for index in gradients.indices {
      let gradient = gradients[index]
      let update = updates[index]
      norms[index] = TensorNorms(
        gradientL2: Float(gradient.sumOfSquares.squareRoot()), gradientMax: gradient.largest,
        gradientNonfinite: UInt32(clamping: gradient.nonfinite),
        parameterL2: Float(update.parameter.sumOfSquares.squareRoot()), parameterMax: update.parameter.largest,
        updateL2: Float(update.update.sumOfSquares.squareRoot()), updateMax: update.update.largest)
    }
  }
}
