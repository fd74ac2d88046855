import Configuration
import Tensors

/// The middle of the image, in training and evaluation alike.
package struct CenterCrop: ImageTransform {
  package static let kind = "center_crop"
  package static let documentation = "the middle of the image, in evaluation too"
  package static let examples = [#"{"type": "center_crop", "size": [3, 4]}"#]
  package static let isRandom = false

  private let size: AxisPair

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    size = try reader.pair("size", in: 1...RandomCrop.largestSize, "pixels: one number or [height, width]")
  }

  package func shape(after input: ImageShape) throws(DataError) -> ImageShape {
    let output = input.sized(size)
    guard output.height <= input.height, output.width <= input.width else {
      throw refusal(
        expected: "a size of at most \(input.height)×\(input.width), the image's",
        found: "\(output.height)×\(output.width)", advice: "resize before")
    }
    return output
  }

  package func apply(to canvas: inout ImageCanvas, _ dice: inout SampleDice?) {
    let input = canvas.shape
    let output = input.sized(size)
    let (top, left) = ((input.height - output.height) / 2, (input.width - output.width) / 2)
    canvas.redraw(as: output) { source, target in
      for y in 0..<output.height {
        let start = (top + y) * input.rowCount + left * input.channels
        target.slice(y * output.rowCount..<(y + 1) * output.rowCount)
          .copy(from: source.slice(start..<start + output.rowCount))
      }
    }
  }
}
