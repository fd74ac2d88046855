import Configuration
import Kernels
import Tensors

/// A loss that compares each element of a prediction (B, …) with the same element of the target, which is float32, and
/// may weigh each sample.
package protocol ElementwiseLoss: ConfigurableLoss {
  var kernel: ElementwiseLossKernel { get }

  init(inputShapes: [TensorShape], kernel: ElementwiseLossKernel)
}

extension ElementwiseLoss {
  static func blueprint(_ function: ElementwiseLossKernel.Function, comparesValues: Bool = true) -> LossBlueprint {
    LossBlueprint(kind: kind, wantsClasses: false, comparesValues: comparesValues) {
      (prediction, target, weights) throws(LayerError) in
      try matching(kind, prediction, target)
      guard weights == nil || weights == TensorShape([prediction[0]]) else {
        throw LayerError("\(kind) expects a weight a sample, (B): got \(weights?.description ?? "none")")
      }
      return Self(
        inputShapes: [prediction, target] + (weights.map { [$0] } ?? []),
        kernel: ElementwiseLossKernel(
          function, rows: prediction[0], columns: prediction.elementCount / prediction[0]))
    }
  }

  private func weights(_ frame: Frame) -> TensorSlice? { inputShapes.count > 2 ? frame.input(2) : nil }

  package func forward(_ frame: Frame) {
    frame.report(
      kernel.forward(
        frame.input(0), targets: frame.input(1), weights: weights(frame), validRows: frame.validRows))
  }

  package func backward(_ frame: Frame) {
    guard let dx = frame.inputGradient(0) else { return }
    kernel.backward(
      frame.input(0), targets: frame.input(1), weights: weights(frame), validRows: frame.validRows, into: dx)
  }
}
