import Arenas
import Configuration
import Kernels

/// Σ (prediction − target)², divided by the number of elements: PyTorch's `mse_loss`. Both are (B, …) float32.
package struct SquaredError: Loss {
  package static let kind = "mse"

  package let inputShapes: [TensorShape]
  private let kernel: SquaredErrorKernel

  package static let blueprint = LossBlueprint(kind: kind, wantsClasses: false) {
    (prediction, target) throws(LayerError) in try SquaredError(prediction, target)
  }

  package init(_ prediction: TensorShape, _ target: TensorShape) throws(LayerError) {
    try matching(Self.kind, prediction, target)
    inputShapes = [prediction, target]
    kernel = SquaredErrorKernel(rows: prediction[0], columns: prediction.elementCount / prediction[0])
  }

  package var accuracyName: String? { nil }
  package var backwardReads: BackwardReads { .inputs }
  package var forwardFlops: Int { 3 * kernel.rows * kernel.columns }

  package func forward(_ frame: Frame) {
    frame.report(kernel.forward(frame.input(0), targets: frame.input(1), validRows: frame.validRows))
  }

  package func backward(_ frame: Frame) {
    guard let dx = frame.inputGradient(0) else { return }
    kernel.backward(frame.input(0), targets: frame.input(1), validRows: frame.validRows, into: dx)
  }

  package static let examples = [
    LayerExample(#"{"type": "mse"}"#, inputs: [[5, 7], [5, 7]], output: [1])
  ]
}
