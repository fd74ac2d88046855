import Files

extension Image {
  /// The image as a PNG file: the same bytes for the same image.
  package func png() throws(ImageError) -> [UInt8] { try PNGCodec.encode(self) }

  /// The image as a JPEG file, with color at full resolution unless `hasHalvedColor`.
  ///
  /// - Parameter quality: 1 (small) to 100 (good).
  package func jpeg(quality: Int = 90, hasHalvedColor: Bool = false) throws(ImageError) -> [UInt8] {
    try JPEGCodec.encode(self, quality: quality, hasHalvedColor: hasHalvedColor)
  }

  /// Writes the image as a PNG file, over an earlier one of this program.
  package func writePNG(to path: String) throws { try ReplacementFile.write(try png(), to: path, replacing: .png) }
}

extension OwnFile {
  /// Images as libpng's simplified interface writes them: 8 bits per channel, gray or RGB, with the chunk sRGB alone
  /// before the pixels.
  package static let png = OwnFile("image") { start in
    guard start.count > 54, start.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) else { return false }
    let (depth, color) = (start[24], start[25])
    return depth == 8 && [0, 2].contains(color) && start[37..<41].elementsEqual("sRGB".utf8)
      && start[50..<54].elementsEqual("IDAT".utf8)
  }
}
