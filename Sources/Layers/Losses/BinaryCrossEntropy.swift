import Configuration
import Kernels
import Tensors

/// −t·log σ(z) − (1 − t)·log(1 − σ(z)), averaged over elements: PyTorch's `binary_cross_entropy_with_logits`.
///
/// z is (B, …) logits, t (B, …) float32 in [0, 1].
package struct BinaryCrossEntropy: ElementwiseLoss {
  package static let kind = "binary_cross_entropy"
  package static let blueprint = blueprint(.binaryCrossEntropy, comparesValues: false)
  package static func blueprint(from reader: SettingsReader) -> LossBlueprint { blueprint }

  package let inputShapes: [TensorShape]
  package let kernel: ElementwiseLossKernel

  package init(inputShapes: [TensorShape], kernel: ElementwiseLossKernel) {
    self.inputShapes = inputShapes
    self.kernel = kernel
  }

  package var accuracyName: String? { "accuracy" }
  package var forwardFlops: Int { 6 * kernel.rows * kernel.columns }

  package static let examples = [
    LayerExample(#"{"type": "binary_cross_entropy"}"#, inputs: [[5, 7], [5, 7]], output: [1]),
    LayerExample(#"{"type": "binary_cross_entropy"}"#, inputs: [[5, 2, 3], [5, 2, 3], [5]], output: [1]),
  ]
}
