import Arenas
import Configuration
import Kernels

/// −t·log σ(z) − (1 − t)·log(1 − σ(z)), averaged over elements: PyTorch's `binary_cross_entropy_with_logits`.
///
/// z is (B, …) logits, t (B, …) float32 in [0, 1].
package struct BinaryCrossEntropy: Loss {
  package static let kind = "binary_cross_entropy"

  package let inputShapes: [TensorShape]
  private let kernel: BinaryCrossEntropyKernel

  package static let blueprint = LossBlueprint(kind: kind, wantsClasses: false) {
    (prediction, target) throws(LayerError) in try BinaryCrossEntropy(prediction, target)
  }

  package init(_ prediction: TensorShape, _ target: TensorShape) throws(LayerError) {
    try matching(Self.kind, prediction, target)
    inputShapes = [prediction, target]
    kernel = BinaryCrossEntropyKernel(rows: prediction[0], columns: prediction.elementCount / prediction[0])
  }

  package var accuracyName: String? { "accuracy" }
  package var backwardReads: BackwardReads { .inputs }
  package var forwardFlops: Int { 6 * kernel.rows * kernel.columns }

  package func forward(_ frame: Frame) {
    frame.report(kernel.forward(frame.input(0), targets: frame.input(1), validRows: frame.validRows))
  }

  package func backward(_ frame: Frame) {
    guard let dx = frame.inputGradient(0) else { return }
    kernel.backward(frame.input(0), targets: frame.input(1), validRows: frame.validRows, into: dx)
  }

  package static let examples = [
    LayerExample(#"{"type": "binary_cross_entropy"}"#, inputs: [[5, 7], [5, 7]], output: [1])
  ]
}
