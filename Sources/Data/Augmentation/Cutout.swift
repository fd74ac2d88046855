import Configuration
import Tensors

/// Squares of one color over the image (DeVries and Taylor 2017, arXiv:1708.04552).
///
/// Their middles are uniform over the image, so some lie partly outside. The paper fills with 0 after normalization,
/// which is the mean color; here "fill" is a level before it.
package struct Cutout: ImageTransform {
  package static let kind = "cutout"
  package static let documentation = "squares of one color at random places"
  package static let examples = [#"{"type": "cutout", "size": 3, "count": 2, "fill": 0.5}"#]

  private let size: Int
  private let count: Int
  private let fill: Fill

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    size = try reader.integer("size", in: 1...RandomCrop.largestSize, "pixels of a square's side")
    count = try reader.integer("count", default: 1, in: 1...1000, "squares")
    fill = try Fill(from: reader) ?? .black
  }

  package func shape(after input: ImageShape) throws(DataError) -> ImageShape {
    try fill.check(input)
    guard size < 2 * max(input.height, input.width) else {
      throw refusal(
        expected: "a size below \(2 * max(input.height, input.width)), which always hides everything", found: "\(size)")
    }
    return input
  }

  package func apply(to canvas: inout ImageCanvas, _ dice: inout SampleDice?) {
    let shape = canvas.shape
    for _ in 0..<count {
      guard let y = dice?.integer(below: shape.height), let x = dice?.integer(below: shape.width) else { return }
      let (top, left) = (y - size / 2, x - size / 2)
      let columns = max(left, 0)..<max(min(left + size, shape.width), 0)
      for row in max(top, 0)..<max(min(top + size, shape.height), 0) {
        let pixels = canvas.pixels.slice(row * shape.rowCount..<(row + 1) * shape.rowCount)
        fill.paint(pixels, columns: columns, channels: shape.channels)
      }
    }
  }
}
