import Configuration
import Tensors

/// One element of `"augmentation"`: changes a picture at random while training.
///
/// Evaluation applies transforms too, but leaves nothing to chance: what changes a picture's size changes it in the same
/// way every time, everything else does nothing. So training and evaluation see pictures of one size.
package protocol ImageTransform: Settings {
  /// The value of "type".
  static var kind: String { get }
  static var documentation: String { get }

  /// The shape of what becomes of a picture.
  ///
  /// - Throws: where pictures of that shape cannot be transformed; the caller adds subject and place.
  func shape(after input: ImageShape) throws(DataError) -> ImageShape
  /// Values of the largest picture on the way from `input` to the result.
  func workingCount(_ input: ImageShape, _ output: ImageShape) -> Int
  /// Transforms a picture; allocates nothing.
  ///
  /// - Parameter dice: this transform's random numbers for one sample in one epoch; nil in evaluation.
  func apply(to canvas: inout ImageCanvas, _ dice: inout SampleDice?)
}

extension ImageTransform {
  package func shape(after input: ImageShape) throws(DataError) -> ImageShape { input }
  package func workingCount(_ input: ImageShape, _ output: ImageShape) -> Int { max(input.count, output.count) }

  /// A refusal without subject and place.
  func refusal(expected: String, found: String, advice: String = "") -> DataError {
    DataError("", expected: expected, found: found, advice: advice)
  }
}
