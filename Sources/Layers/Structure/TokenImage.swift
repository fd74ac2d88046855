import Configuration
import Tensors

/// Tokens as the pixels of images, row by row: (B, H·W, C) as (B, H, W, C). Nothing moves.
package struct TokenImage: ReshapingLayer {
  package static let kind = "token_image"

  package struct LayerSettings: Settings {
    package var height: Int

    package init(height: Int) { self.height = height }

    package init(from reader: SettingsReader) throws(ConfigurationError) {
      height = try reader.integer("height", in: 1...1_000_000, "of the images, in pixels; must divide the tokens")
    }
  }

  package let inputShapes: [TensorShape]
  package let outputShape: TensorShape

  package init(settings: LayerSettings, inputs: [TensorShape]) throws(LayerError) {
    let input = try Self.single(inputs)
    guard input.rank == 3, input[1] % settings.height == 0 else {
      throw LayerError(
        "\(Self.kind) expects tokens (batch, \(settings.height) · width, channels), got the shape \(input)")
    }
    inputShapes = inputs
    outputShape = TensorShape([input[0], settings.height, input[1] / settings.height, input.last])
  }

  package static let examples = [
    LayerExample(#"{"type": "token_image", "height": 3}"#, inputs: [[2, 15, 7]], output: [2, 3, 5, 7])
  ]
}
