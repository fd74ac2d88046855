import Configuration
import Tensors

/// A window at a random place of the image with a border around it; evaluation takes the middle.
///
/// As torchvision's `RandomCrop`: "size" is the image's own where it is not written.
package struct RandomCrop: ImageTransform {
  package static let kind = "random_crop"
  package static let documentation = "a window at a random place, of the padded image if there is padding"
  package static let examples = [
    #"{"type": "random_crop", "padding": 2}"#, #"{"type": "random_crop", "padding": 3, "padding_mode": "reflect"}"#,
    #"{"type": "random_crop", "size": [4, 3]}"#,
  ]

  private let size: AxisPair?
  private let padding: Int
  private let frame: ImageBorder

  static let largestSize = 1 << 14

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    size = try reader.optionalPair(
      "size", in: 1...Self.largestSize,
      "pixels of the window: one number or [height, width]; the image's own if absent")
    padding = try reader.integer("padding", default: 0, in: 0...4096, "pixels put around the image before")
    let mode: ImageBorder.Mode? = try reader.optionalChoice(
      "padding_mode",
      "content of the padding: one color, the border's pixels, or the image mirrored; constant if absent")
    let fill = try Fill(from: reader)
    try reader.require(size != nil || padding > 0, nil, "never moves anything: give \"padding\" or \"size\"")
    try reader.require(mode == nil || padding > 0, "padding_mode", "is not used without \"padding\"")
    try reader.require(
      fill == nil || padding > 0 && (mode ?? .constant) == .constant, "fill",
      "is not used without constant \"padding\"")
    frame = ImageBorder(mode ?? .constant, fill: fill ?? .black)
  }

  package var border: ImageBorder? { padding > 0 ? frame : nil }

  package func shape(after input: ImageShape) throws(DataError) -> ImageShape {
    try frame.check(input)
    let output = input.sized(size)
    guard output.height <= input.height + 2 * padding, output.width <= input.width + 2 * padding else {
      throw refusal(
        expected: "a size of at most \(input.height + 2 * padding)×\(input.width + 2 * padding), the padded image's",
        found: "\(output.height)×\(output.width)")
    }
    guard frame.mode != .reflect || padding < min(input.height, input.width) else {
      throw refusal(
        expected: "padding below \(min(input.height, input.width)), as it mirrors the image", found: "\(padding)")
    }
    return output
  }

  package func apply(to canvas: inout ImageCanvas, _ dice: inout SampleDice?) {
    let input = canvas.shape
    let output = input.sized(size)
    let (free, freeAcross) = (input.height + 2 * padding - output.height, input.width + 2 * padding - output.width)
    let top = (dice?.integer(below: free + 1) ?? free / 2) - padding
    let left = (dice?.integer(below: freeAcross + 1) ?? freeAcross / 2) - padding
    frame.window(output, top: top, left: left, on: &canvas)
  }
}
