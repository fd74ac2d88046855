/// An image: bytes [height, width, channels], row by row from the top; one gray level or red, green and blue per pixel.
///
/// Levels are 0…255 in sRGB's encoding, as files for the screen have them.
package struct Image: Sendable, Equatable {
  package let width: Int
  package let height: Int
  /// 1 gray, 3 red, green and blue.
  package let channels: Int
  package private(set) var bytes: [UInt8]

  /// Default limit of an image file, checked before memory is allocated: 64 million pixels.
  package static let mostPixels = 1 << 26

  package init(width: Int, height: Int, channels: Int, bytes: [UInt8]) {
    precondition(width > 0 && height > 0 && (channels == 1 || channels == 3), "\(height)×\(width)×\(channels)")
    precondition(bytes.count == width * height * channels, "\(bytes.count) bytes for \(height)×\(width)×\(channels)")
    self.width = width
    self.height = height
    self.channels = channels
    self.bytes = bytes
  }

  /// One color everywhere; `level` is that of all channels.
  package init(width: Int, height: Int, channels: Int, filledWith level: UInt8) {
    self.init(
      width: width, height: height, channels: channels,
      bytes: [UInt8](repeating: level, count: width * height * channels))
  }

  package subscript(row: Int, column: Int, channel: Int) -> UInt8 {
    get { bytes[offset(row, column, channel)] }
    set { bytes[offset(row, column, channel)] = newValue }
  }

  /// Lays `tile`, which has the same channels, over the image, its first pixel at (row, column).
  mutating func place(_ tile: Image, row: Int, column: Int) {
    precondition(
      tile.channels == channels && row >= 0 && column >= 0 && row + tile.height <= height
        && column + tile.width <= width, "a tile that does not fit")
    let line = tile.width * channels
    for y in 0..<tile.height {
      let start = offset(row + y, column, 0)
      bytes.replaceSubrange(start..<start + line, with: tile.bytes[y * line..<(y + 1) * line])
    }
  }

  private func offset(_ row: Int, _ column: Int, _ channel: Int) -> Int {
    precondition(
      row >= 0 && row < height && column >= 0 && column < width && channel >= 0 && channel < channels,
      "(\(row), \(column), \(channel)) in \(height)×\(width)×\(channels)")
    return (row * width + column) * channels + channel
  }

  /// The image with `channels` a pixel: gray levels are repeated, colors become `Luma`.
  package func converted(toChannels channels: Int) -> Image {
    guard channels != self.channels else { return self }
    let converted = channels == 1 ? Luma.gray(ofRGB: bytes) : bytes.flatMap { [$0, $0, $0] }
    return Image(width: width, height: height, channels: channels, bytes: converted)
  }
}

/// Luma of ITU-R BT.601: 0.299 R + 0.587 G + 0.114 B, in 16-bit fixed point as JPEG's own conversion has it.
enum Luma {
  static func gray(ofRGB bytes: [UInt8]) -> [UInt8] {
    stride(from: 0, to: bytes.count, by: 3).map { at in
      let weighted = 19_595 * UInt32(bytes[at]) + 38_470 * UInt32(bytes[at + 1]) + 7_471 * UInt32(bytes[at + 2])
      return UInt8((weighted + 32_768) >> 16)
    }
  }
}
