import Configuration
import Kernels
import Tensors

/// y = f(gate)·up, where x holds the gate and then up: with SiLU the middle of SwiGLU (Shazeer 2020).
///
/// x is (…, 2F), y (…, F).
package struct GatedActivation: KernelLayer {
  package static let kind = "gated_activation"
  package typealias LayerSettings = ActivationLayer.LayerSettings

  package let activation: Activation
  package let inputShapes: [TensorShape]
  package let outputShape: TensorShape
  package let kernel: GatedKernel

  package init(settings: LayerSettings, inputs: [TensorShape]) throws(LayerError) {
    let input = try Self.single(inputs)
    guard input.last.isMultiple(of: 2) else {
      throw LayerError("gated_activation expects an even number of features, half of them gates: got \(input)")
    }
    activation = settings.function
    inputShapes = inputs
    outputShape = TensorShape(input.dimensions.dropLast() + [input.last / 2])
    kernel = GatedKernel(activation, rows: input.elementCount / input.last, columns: input.last / 2)
  }

  package var forwardFlops: Int { 4 * outputShape.elementCount }
  package var additions: [String] { [activation.rawValue] }

  package static let examples = [
    LayerExample(#"{"type": "gated_activation", "function": "silu"}"#, inputs: [[2, 3, 38]], output: [2, 3, 19]),
    LayerExample(#"{"type": "gated_activation", "function": "gelu"}"#, inputs: [[3, 32]], output: [3, 16]),
    LayerExample(#"{"type": "gated_activation", "function": "sigmoid"}"#, inputs: [[3, 6]], output: [3, 3]),
  ]
}
