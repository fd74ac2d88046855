import Configuration
import Kernels
import Tensors

/// Σ (prediction − target)², divided by the number of elements: PyTorch's `mse_loss`. Both are (B, …) float32.
package struct SquaredError: ElementwiseLoss {
  package static let kind = "mse"
  package static let blueprint = blueprint(.squaredError)
  package static func blueprint(from reader: SettingsReader) -> LossBlueprint { blueprint }

  package let inputShapes: [TensorShape]
  package let kernel: ElementwiseLossKernel

  package init(inputShapes: [TensorShape], kernel: ElementwiseLossKernel) {
    self.inputShapes = inputShapes
    self.kernel = kernel
  }

  package var accuracyName: String? { nil }
  package var forwardFlops: Int { 3 * kernel.rows * kernel.columns }

  package static let examples = [
    LayerExample(#"{"type": "mse"}"#, inputs: [[5, 7], [5, 7]], output: [1]),
    LayerExample(#"{"type": "mse"}"#, inputs: [[5, 2, 3], [5, 2, 3], [5]], output: [1]),
  ]
}
