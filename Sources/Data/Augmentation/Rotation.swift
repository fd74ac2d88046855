import Configuration
import Foundation
import Tensors

/// The image turned about its middle by an angle that is uniform in −degrees…degrees, in the same frame.
///
/// Pixels are interpolated bilinearly, those outside have the color "fill". torchvision's `RandomRotation` takes the
/// nearest pixel by default.
package struct Rotation: ImageTransform {
  package static let kind = "rotation"
  package static let documentation = "turned about the middle by up to \"degrees\" counter-clockwise or clockwise"
  package static let examples = [#"{"type": "rotation", "degrees": 20, "fill": [0.1, 0.2, 0.3]}"#]

  private let degrees: Double
  private let fill: Fill

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    degrees = try reader.number("degrees", in: 0...180, above: true, "largest angle, either way")
    fill = try Fill(from: reader) ?? .black
  }

  package func shape(after input: ImageShape) throws(DataError) -> ImageShape {
    try fill.check(input)
    return input
  }

  package func apply(to canvas: inout ImageCanvas, _ dice: inout SampleDice?) {
    guard let turn = dice?.signed() else { return }
    let angle = Double(turn) * degrees * .pi / 180
    let (cosine, sine) = (Float(cos(angle)), Float(sin(angle)))
    let shape = canvas.shape
    let middle = SIMD2(Float(shape.width - 1), Float(shape.height - 1)) / 2
    canvas.redraw(as: shape) { source, target in
      let from = source.floats
      var to = target.mutableFloats
      for y in 0..<shape.height {
        for x in 0..<shape.width {
          let offset = SIMD2(Float(x), Float(y)) - middle
          let place = middle + SIMD2(cosine * offset.x - sine * offset.y, sine * offset.x + cosine * offset.y)
          let corner = SIMD2(place.x.rounded(.down), place.y.rounded(.down))
          let share = place - corner
          let (column, row) = (Int(corner.x), Int(corner.y))
          for channel in 0..<shape.channels {
            func level(_ row: Int, _ column: Int) -> Float {
              row >= 0 && row < shape.height && column >= 0 && column < shape.width
                ? from[(row * shape.width + column) * shape.channels + channel] : fill.level(channel)
            }
            let upper = level(row, column) * (1 - share.x) + level(row, column + 1) * share.x
            let lower = level(row + 1, column) * (1 - share.x) + level(row + 1, column + 1) * share.x
            to[(y * shape.width + x) * shape.channels + channel] = upper * (1 - share.y) + lower * share.y
          }
        }
      }
    }
  }
}
