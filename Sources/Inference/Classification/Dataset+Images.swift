import Data
import Formats
import Tensors

extension Dataset {
  /// The longest side of an image in a report, so that pages stay small.
  private static let largestThumbnail = 96

  /// The input of a sample, neither standardized nor augmented; nil if it is not an image.
  package func image(of sample: Int) -> Image? {
    guard let field = source.field(named: SampleField.input), source.fields[field].isImage else { return nil }
    let shape = source.fields[field].shape
    let arena = Arena(byteCount: 4 * shape.elementCount)
    let levels = arena.all(as: .float32)
    source.read(sample, .evaluation, field: field, into: levels)
    return withExtendedLifetime(arena) { Image(levels: levels.floats, shape) }
  }

  /// The same as a small PNG file; empty if there is none.
  func thumbnail(of sample: Int) -> [UInt8] {
    guard var image = image(of: sample) else { return [] }
    let longest = max(image.width, image.height)
    if longest > Self.largestThumbnail {
      func shrunk(_ side: Int) -> Int { max(1, side * Self.largestThumbnail / longest) }
      let size = ImageResizing(width: shrunk(image.width), height: shrunk(image.height), mode: .stretch)
      image = size.resized(image)
    }
    return (try? image.png()) ?? []
  }
}

extension ImageResizing {
  func resized(_ image: Image) -> Image {
    Image(
      width: width, height: height, channels: image.channels,
      bytes: resized(image.bytes, width: image.width, height: image.height, channels: image.channels))
  }
}

extension Image {
  /// Values 0...1 as levels. If there are others, the smallest is black and the largest white.
  ///
  /// - Parameter shape: [height, width, 1 or 3].
  init(levels: Span<Float>, _ shape: TensorShape) {
    let (lowest, highest) = levels.extremes
    let isUnit = lowest >= 0 && highest <= 1
    self.init(levels: levels, shape, black: isUnit ? 0 : lowest, white: isUnit ? 1 : highest)
  }

  /// - Parameters:
  ///   - black: the value that becomes 0, as NaN does.
  ///   - white: the value that becomes 255.
  package init(levels: Span<Float>, _ shape: TensorShape, black: Float, white: Float) {
    let scale = white > black ? 255 / (white - black) : 0
    let bytes = levels.indices.map { index in
      let level = (levels[index] - black) * scale
      return level > 0 ? UInt8(min(255, level.rounded())) : 0
    }
    self.init(width: shape[1], height: shape[0], channels: shape[2], bytes: bytes)
  }
}

extension Span<Float> {
  /// The smallest and the largest finite value; (0, 1) if there is none.
  var extremes: (lowest: Float, highest: Float) {
    var (lowest, highest) = (Float.infinity, -Float.infinity)
    for i in indices where self[i].isFinite {
      lowest = Swift.min(lowest, self[i])
      highest = Swift.max(highest, self[i])
    }
    return lowest <= highest ? (lowest, highest) : (0, 1)
  }
}
