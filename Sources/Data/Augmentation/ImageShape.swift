import Configuration
import Tensors

/// The extents of an image [height, width, channels].
package struct ImageShape: Hashable, Sendable, CustomStringConvertible {
  package var height: Int
  package var width: Int
  package let channels: Int

  /// Gray, gray with transparency, color, color with transparency; a larger last extent is not one of channels.
  private static let channelCounts = 1...4

  package init(height: Int, width: Int, channels: Int) {
    self.height = height
    self.width = width
    self.channels = channels
  }

  /// Returns nil for samples that are not images.
  package init?(_ shape: TensorShape) {
    guard shape.rank == 3, Self.channelCounts.contains(shape[2]) else { return nil }
    self.init(height: shape[0], width: shape[1], channels: shape[2])
  }

  package var tensorShape: TensorShape { TensorShape([height, width, channels]) }
  package var count: Int { height * width * channels }
  /// Values in a row of pixels.
  package var rowCount: Int { width * channels }

  /// This shape in another size, if there is one.
  func sized(_ size: AxisPair?) -> ImageShape {
    ImageShape(height: size?.vertical ?? height, width: size?.horizontal ?? width, channels: channels)
  }

  package var description: String { tensorShape.description }
}
