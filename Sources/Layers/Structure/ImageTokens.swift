import Configuration
import Tensors

/// The pixels of images as sequences of tokens, row by row: (B, H, W, C) as (B, H·W, C). Nothing moves.
package struct ImageTokens: ReshapingLayer {
  package static let kind = "image_tokens"

  package let inputShapes: [TensorShape]
  package let outputShape: TensorShape

  package init(settings: NoSettings, inputs: [TensorShape]) throws(LayerError) {
    let input = try Self.singleImages(inputs)
    inputShapes = inputs
    outputShape = TensorShape([input[0], input[1] * input[2], input.last])
  }

  package static let examples = [
    LayerExample(#"{"type": "image_tokens"}"#, inputs: [[2, 3, 5, 7]], output: [2, 15, 7])
  ]
}
