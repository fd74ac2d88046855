import Configuration
import Tensors

/// One element of `"augmentation"`: changes an image at random while training.
///
/// Evaluation applies transforms too, but leaves nothing to chance: transforms that change an image's size change it in
/// the same way every time, all others do nothing. So training and evaluation see images of one size.
package protocol ImageTransform: Settings {
  /// The value of "type".
  static var kind: String { get }
  static var documentation: String { get }
  /// Settings for images of 7×6 pixels in color, which the tests of every transform read.
  static var examples: [String] { get }
  /// Whether training sees another image in each epoch.
  static var isRandom: Bool { get }
  /// The border that the transform shows around images; nil without one.
  var border: ImageBorder? { get }

  /// The shape of a transformed image.
  ///
  /// - Throws: where images of that shape cannot be transformed; the caller adds subject and place.
  func shape(after input: ImageShape) throws(DataError) -> ImageShape
  /// Values of the largest image on the way from `input` to the result.
  func workingCount(_ input: ImageShape, _ output: ImageShape) -> Int
  /// Transforms an image; allocates nothing.
  ///
  /// - Parameter dice: this transform's random numbers for one sample in one epoch; nil in evaluation.
  func apply(to canvas: inout ImageCanvas, _ dice: inout SampleDice?)
}

extension ImageTransform {
  package static var examples: [String] { ["{\"type\": \"\(kind)\"}"] }
  package static var isRandom: Bool { true }
  package var border: ImageBorder? { nil }

  package func shape(after input: ImageShape) throws(DataError) -> ImageShape { input }
  package func workingCount(_ input: ImageShape, _ output: ImageShape) -> Int { max(input.count, output.count) }

  /// A refusal without subject and place.
  func refusal(expected: String, found: String, advice: String = "") -> DataError {
    DataError("", expected: expected, found: found, advice: advice)
  }
}
