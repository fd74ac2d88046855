/// One of several ways of showing a picture to a trained classifier: mirrored, moved by a few pixels, or both.
///
/// The mean of what a model says of them is more often right than what it says of the picture alone; that is test-time
/// augmentation.
package struct ImageView: Sendable, Equatable {
  /// Whether left and right are exchanged.
  package let isMirrored: Bool
  /// By how many pixels the picture is moved downwards and to the right, before it is mirrored. What comes in from outside
  /// is black, as around a `random_crop` unless it says otherwise.
  package let down: Int
  package let right: Int

  package init(isMirrored: Bool = false, down: Int = 0, right: Int = 0) {
    self.isMirrored = isMirrored
    self.down = down
    self.right = right
  }

  /// The picture and its mirror image.
  package static let flip = [ImageView(), ImageView(isMirrored: true)]
  /// The middle and the four corners of the picture in a border of one pixel, and their mirror images: the ten crops of
  /// Krizhevsky et al. 2012 (section 4.1), for pictures that are not larger than what the model sees.
  package static let tenCrop = [(0, 0), (1, 1), (1, -1), (-1, 1), (-1, -1)].flatMap { down, right in
    [false, true].map { ImageView(isMirrored: $0, down: down, right: right) }
  }

  func apply(to canvas: inout ImageCanvas) {
    guard self != ImageView() else { return }
    let shape = canvas.shape
    canvas.redraw(as: shape) { source, target in
      target.zero()
      let from = source.floats
      var values = target.mutableFloats
      for y in 0..<shape.height where y - down >= 0 && y - down < shape.height {
        let (row, line) = (y * shape.rowCount, (y - down) * shape.rowCount)
        for x in 0..<shape.width {
          let column = (isMirrored ? shape.width - 1 - x : x) - right
          guard column >= 0, column < shape.width else { continue }
          for channel in 0..<shape.channels {
            values[row + x * shape.channels + channel] = from[line + column * shape.channels + channel]
          }
        }
      }
    }
  }
}
