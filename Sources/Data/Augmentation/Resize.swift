import Configuration
import Tensors

/// The whole image in another size, in training and evaluation alike.
///
/// One number makes a square; torchvision's `Resize` takes it for the shorter side.
package struct Resize: ImageTransform {
  package static let kind = "resize"
  package static let documentation = "the image in another size, in evaluation too"
  package static let examples = [#"{"type": "resize", "size": [9, 4]}"#]
  package static let isRandom = false

  private let size: AxisPair

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    size = try reader.pair(
      "size", in: 1...RandomCrop.largestSize, "pixels: one number for a square, or [height, width]")
  }

  package func shape(after input: ImageShape) throws(DataError) -> ImageShape { input.sized(size) }

  package func workingCount(_ input: ImageShape, _ output: ImageShape) -> Int {
    Resampling.workingCount(input, output)
  }

  package func apply(to canvas: inout ImageCanvas, _ dice: inout SampleDice?) {
    let shape = canvas.shape
    Resampling.resample(&canvas, Resampling.Region(shape), to: shape.sized(size))
  }
}
