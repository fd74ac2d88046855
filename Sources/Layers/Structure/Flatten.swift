import Configuration
import Kernels
import Tensors

/// (B, …) as (B, features), in PyTorch's order of the features: an image (H, W, C) becomes its channels one by one, (C,
/// H, W), so that the next layer's weights mean the same there. Nothing moves where the order is that already.
package struct Flatten: ConfigurableLayer {
  package static let kind = "flatten"

  package let inputShapes: [TensorShape]
  package let outputShape: TensorShape
  /// Of an image; 1 of anything else.
  private let channels: Int
  private var pixels: Int { outputShape.last / channels }

  package init(settings: NoSettings, inputs: [TensorShape]) throws(LayerError) {
    guard inputs.count == 1, inputs[0].rank >= 1 else {
      throw LayerError("flatten takes one batch, got \(inputs.map(\.description).joined(separator: ", "))")
    }
    let input = inputs[0]
    inputShapes = inputs
    outputShape = TensorShape([input[0], input.elementCount / input[0]])
    channels = input.rank >= 4 ? input.last : 1
  }

  package var backwardReads: BackwardReads { [] }
  package var forwardFlops: Int { 0 }
  package var isReshape: Bool { channels == 1 || pixels == 1 }

  package func forward(_ frame: Frame) {
    Transpose.apply(frame.input(), rows: pixels, columns: channels, into: frame.output, accumulate: false)
  }

  package func backward(_ frame: Frame) {
    guard let dx = frame.inputGradient() else { return }
    Transpose.apply(
      frame.outputGradient, rows: channels, columns: pixels, into: dx, accumulate: frame.accumulatesInputGradient())
  }

  package static let examples = [
    LayerExample(#"{"type": "flatten"}"#, inputs: [[3, 4, 5]], output: [3, 20]),
    LayerExample(#"{"type": "flatten"}"#, inputs: [[3, 4, 5, 1]], output: [3, 20]),
    LayerExample(#"{"type": "flatten"}"#, inputs: [[3, 1, 1, 7]], output: [3, 7]),
    LayerExample(#"{"type": "flatten"}"#, inputs: [[2, 3, 5, 4]], output: [2, 60]),
    LayerExample(#"{"type": "flatten"}"#, inputs: [[2, 1, 33, 18]], output: [2, 594]),
  ]
}
