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

  /// Writes the image as a PNG file, over one that may be there.
  package func writePNG(to path: String) throws { try ReplacementFile.write(try png(), to: path) }
}
