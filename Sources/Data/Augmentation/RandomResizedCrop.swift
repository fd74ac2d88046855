import Configuration
import Foundation
import Tensors

/// A window of random size, form and place, resized; evaluation resizes the whole image.
///
/// As torchvision's `RandomResizedCrop`: the window's share of the image is uniform in "scale", the logarithm of its
/// width over its height uniform in that of "ratio"; after ten windows that do not fit, the largest in the middle whose
/// ratio is allowed (Szegedy et al. 2014, arXiv:1409.4842). "size" is the image's own where it is not written.
package struct RandomResizedCrop: ImageTransform {
  package static let kind = "random_resized_crop"
  package static let documentation = "a window of random size, form and place, resized; in evaluation the whole image"
  package static let examples = [#"{"type": "random_resized_crop", "size": 5}"#, #"{"type": "random_resized_crop"}"#]

  private let size: AxisPair?
  private let scale: ClosedRange<Double>
  private let ratio: ClosedRange<Double>

  private static let attempts = 10

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    size = try reader.optionalPair(
      "size", in: 1...RandomCrop.largestSize,
      "pixels of the result: one number or [height, width]; the image's own if absent")
    let scale = try reader.numbers(
      "scale", default: [0.08, 1], in: 0.0001...1, "least and largest share of the image")
    let ratio = try reader.numbers(
      "ratio", default: [0.75, 4.0 / 3], in: 0.01...100, "least and largest width over height")
    try reader.require(scale[0] <= scale[1], "scale", "the first number is the smaller one")
    try reader.require(ratio[0] <= ratio[1], "ratio", "the first number is the smaller one")
    self.scale = scale[0]...max(scale[0], scale[1])
    self.ratio = ratio[0]...max(ratio[0], ratio[1])
  }

  package func shape(after input: ImageShape) throws(DataError) -> ImageShape { input.sized(size) }

  package func workingCount(_ input: ImageShape, _ output: ImageShape) -> Int {
    Resampling.workingCount(input, output)
  }

  package func apply(to canvas: inout ImageCanvas, _ dice: inout SampleDice?) {
    let shape = canvas.shape
    let region = dice.map { window(in: shape, $0) } ?? Resampling.Region(shape)
    Resampling.resample(&canvas, region, to: shape.sized(size))
  }

  private func window(in shape: ImageShape, _ dice: SampleDice) -> Resampling.Region {
    var dice = dice
    let area = Double(shape.height * shape.width)
    for _ in 0..<Self.attempts {
      let share = scale.lowerBound + Double(dice.unit()) * (scale.upperBound - scale.lowerBound)
      let (low, high) = (log(ratio.lowerBound), log(ratio.upperBound))
      let form = exp(low + Double(dice.unit()) * (high - low))
      let width = Int((area * share * form).squareRoot().rounded())
      let height = Int((area * share / form).squareRoot().rounded())
      if (1...shape.width).contains(width), (1...shape.height).contains(height) {
        return .init(
          top: dice.integer(below: shape.height - height + 1), left: dice.integer(below: shape.width - width + 1),
          height: height, width: width)
      }
    }
    let form = Double(shape.width) / Double(shape.height)
    var region = Resampling.Region(shape)
    if form < ratio.lowerBound {
      region.height = max(1, Int((Double(shape.width) / ratio.lowerBound).rounded()))
    } else if form > ratio.upperBound {
      region.width = max(1, Int((Double(shape.height) * ratio.upperBound).rounded()))
    }
    region.top = (shape.height - region.height) / 2
    region.left = (shape.width - region.width) / 2
    return region
  }
}
