import Arenas
import Kernels

/// A loss that compares each element of a prediction (B, …) with the same element of the target, which is float32.
package protocol ElementwiseLoss: Loss {
  static var function: ElementwiseLossKernel.Function { get }
  var kernel: ElementwiseLossKernel { get }

  init(inputShapes: [TensorShape], kernel: ElementwiseLossKernel)
}

extension ElementwiseLoss {
  package static var blueprint: LossBlueprint {
    LossBlueprint(kind: kind, wantsClasses: false) { (prediction, target) throws(LayerError) in
      try Self(prediction, target)
    }
  }

  package init(_ prediction: TensorShape, _ target: TensorShape) throws(LayerError) {
    try matching(Self.kind, prediction, target)
    self.init(
      inputShapes: [prediction, target],
      kernel: ElementwiseLossKernel(
        Self.function, rows: prediction[0], columns: prediction.elementCount / prediction[0]))
  }

  package var backwardReads: BackwardReads { .inputs }

  package func forward(_ frame: Frame) {
    frame.report(kernel.forward(frame.input(0), targets: frame.input(1), validRows: frame.validRows))
  }

  package func backward(_ frame: Frame) {
    guard let dx = frame.inputGradient(0) else { return }
    kernel.backward(frame.input(0), targets: frame.input(1), validRows: frame.validRows, into: dx)
  }
}
