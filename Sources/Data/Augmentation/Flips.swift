import Configuration
import Tensors

/// Left and right exchanged with a probability.
package struct HorizontalFlip: ImageTransform {
  package static let kind = "horizontal_flip"
  package static let documentation = "left and right exchanged"

  private let probability: Float

  package init(from reader: SettingsReader) throws(ConfigurationError) { probability = try reader.flipProbability() }

  package func apply(to canvas: inout ImageCanvas, _ dice: inout SampleDice?) {
    if dice?.happens(probability) ?? false { Self.mirror(canvas) }
  }

  /// Exchanges left and right of the image.
  static func mirror(_ canvas: borrowing ImageCanvas) {
    let shape = canvas.shape
    for y in 0..<shape.height {
      let row = canvas.pixels.slice(y * shape.rowCount..<(y + 1) * shape.rowCount)
      // Loops of a known length become moves of whole pixels.
      switch shape.channels {
      case 1: mirror(row, shape.width, channels: 1)
      case 3: mirror(row, shape.width, channels: 3)
      default: mirror(row, shape.width, channels: shape.channels)
      }
    }
  }

  @inline(__always)
  private static func mirror(_ row: TensorSlice, _ width: Int, channels: Int) {
    var values = row.mutableFloats
    for x in 0..<width / 2 {
      let (left, right) = (x * channels, (width - 1 - x) * channels)
      for channel in 0..<channels { values.swapAt(left + channel, right + channel) }
    }
  }
}

/// Top and bottom exchanged with a probability.
package struct VerticalFlip: ImageTransform {
  package static let kind = "vertical_flip"
  package static let documentation = "top and bottom exchanged"

  private let probability: Float

  package init(from reader: SettingsReader) throws(ConfigurationError) { probability = try reader.flipProbability() }

  package func apply(to canvas: inout ImageCanvas, _ dice: inout SampleDice?) {
    guard dice?.happens(probability) ?? false else { return }
    let shape = canvas.shape
    canvas.redraw(as: shape) { source, target in
      for y in 0..<shape.height {
        let from = shape.height - 1 - y
        target.slice(y * shape.rowCount..<(y + 1) * shape.rowCount)
          .copy(from: source.slice(from * shape.rowCount..<(from + 1) * shape.rowCount))
      }
    }
  }
}

extension SettingsReader {
  fileprivate func flipProbability() throws(ConfigurationError) -> Float {
    Float(try number("probability", default: 0.5, in: 0...1, "of a flip"))
  }
}
