import Configuration
import Kernels
import Tensors

/// The pixels of images as sequences of tokens, row by row: (B, H, W, C) as (B, H·W, C). Nothing moves.
package struct ImageTokens: ConfigurableLayer {
  package static let kind = "image_tokens"
  package typealias LayerSettings = NoSettings

  package let inputShapes: [TensorShape]
  package let outputShape: TensorShape

  package init(settings: NoSettings, inputs: [TensorShape]) throws(LayerError) {
    let input = try Self.singleImages(inputs)
    inputShapes = inputs
    outputShape = TensorShape([input[0], input[1] * input[2], input.last])
  }

  package var backwardReads: BackwardReads { [] }
  package var forwardFlops: Int { 0 }
  package var isReshape: Bool { true }

  package func forward(_ frame: Frame) { frame.output.copy(from: frame.input()) }

  package func backward(_ frame: Frame) {
    guard let dx = frame.inputGradient() else { return }
    Elementwise.contribute(frame.outputGradient, to: dx, first: !frame.accumulatesInputGradient())
  }

  package static let examples = [
    LayerExample(#"{"type": "image_tokens"}"#, inputs: [[2, 3, 5, 7]], output: [2, 15, 7])
  ]
}
