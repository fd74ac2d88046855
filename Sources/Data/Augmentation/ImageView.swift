/// One of several ways of showing an image to a trained classifier: moved by a few pixels, mirrored, or both.
///
/// The mean of a model's answers to several views is more often right than its answer to the image alone: test-time
/// augmentation.
package struct ImageView: Sendable, Equatable {
  /// Pixels by which the image is moved downwards and to the right. From outside comes the border of the run's
  /// `random_crop`, or black.
  package let down: Int
  package let right: Int
  /// Whether left and right are exchanged after that.
  package let isMirrored: Bool

  package init(down: Int = 0, right: Int = 0, isMirrored: Bool = false) {
    self.down = down
    self.right = right
    self.isMirrored = isMirrored
  }

  /// The image and its mirror image.
  package static let flip = [ImageView(), ImageView(isMirrored: true)]
  /// The middle and the four corners of the image in a border of one pixel, and their mirror images: the ten crops of
  /// Krizhevsky et al. 2012 (section 4.1), for images that are not larger than the model's input.
  package static let tenCrop = [(0, 0), (1, 1), (1, -1), (-1, 1), (-1, -1)].flatMap { down, right in
    [false, true].map { ImageView(down: down, right: right, isMirrored: $0) }
  }

  func apply(to canvas: inout ImageCanvas, border: ImageBorder) {
    border.window(canvas.shape, top: -down, left: -right, on: &canvas)
    if isMirrored { HorizontalFlip.mirror(canvas) }
  }
}
