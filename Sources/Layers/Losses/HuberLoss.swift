import Configuration
import Kernels
import Tensors

/// ½(x − t)² where |x − t| ≤ δ and δ·(|x − t| − ½δ) beyond, averaged over elements: PyTorch's `huber_loss` (Huber
/// 1964).
///
/// x and t are (B, …); outliers contribute linearly instead of by their square.
package struct HuberLoss: ElementwiseLoss {
  package static let kind = "huber"

  package let inputShapes: [TensorShape]
  package let kernel: ElementwiseLossKernel

  package static func blueprint(from reader: SettingsReader) throws(ConfigurationError) -> LossBlueprint {
    let delta = try reader.number(
      "delta", default: 1, in: 0...1e6, above: true, "distance from which on the loss grows linearly")
    return blueprint(.huber(delta: Float(delta)))
  }

  package init(inputShapes: [TensorShape], kernel: ElementwiseLossKernel) {
    self.inputShapes = inputShapes
    self.kernel = kernel
  }

  package var accuracyName: String? { nil }
  package var forwardFlops: Int { 5 * kernel.rows * kernel.columns }

  package static let examples = [
    LayerExample(#"{"type": "huber"}"#, inputs: [[5, 7], [5, 7]], output: [1]),
    LayerExample(#"{"type": "huber", "delta": 0.3}"#, inputs: [[5, 2, 3], [5, 2, 3], [5]], output: [1]),
  ]
}
