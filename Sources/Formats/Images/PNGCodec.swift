import CImage

/// PNG files through the simplified interface of libpng, which needs no setjmp.
enum PNGCodec {
  static func size(of file: RawSpan) throws(ImageError) -> (width: Int, height: Int, channels: Int) {
    var png = troupe_png()
    guard file.withUnsafeBytes({ troupe_png_size(&png, $0.baseAddress, $0.count) }) else {
      throw ImageError(
        "PNG header", expected: "the header of an image", found: message(of: &png),
        advice: "the file is truncated or damaged; replace it or leave it out")
    }
    return (Int(png.width), Int(png.height), Int(png.channels))
  }

  static func decode(
    _ file: RawSpan, _ header: ImageHeader, channels: Int, into pixels: inout [UInt8]
  ) throws(ImageError) {
    // libpng's own conversion to gray weighs linear light; ours is what JPEG and other trainers have.
    let isConverted = header.channels == 3 && channels == 1
    var png = troupe_png()
    let (width, height) = header.storedSize
    png.width = UInt32(width)
    png.height = UInt32(height)
    png.channels = isConverted ? 3 : UInt32(channels)
    ImageDecoder.resize(&pixels, to: width * height * Int(png.channels))
    let isRead = file.withUnsafeBytes { file in
      pixels.withUnsafeMutableBufferPointer {
        troupe_png_decode(&png, file.baseAddress, file.count, $0.baseAddress)
      }
    }
    guard isRead else {
      throw ImageError(
        "PNG data", expected: "a whole \(width)×\(height) image", found: message(of: &png),
        advice: "the file is truncated or damaged; replace it or leave it out")
    }
    if isConverted { pixels = Luma.gray(ofRGB: pixels) }
  }

  static func encode(_ image: Image) throws(ImageError) -> [UInt8] {
    guard image.width <= largestSide, image.height <= largestSide, image.bytes.count <= mostBytes else {
      throw ImageError(
        "PNG", expected: "sides of at most \(largestSide) pixels and \(mostBytes) bytes",
        found: "\(image.width)×\(image.height)×\(image.channels)", advice: "write a smaller image")
    }
    var png = troupe_png()
    png.width = UInt32(image.width)
    png.height = UInt32(image.height)
    png.channels = UInt32(image.channels)
    let most = troupe_png_most_bytes(&png)
    var isWritten = false
    let file = [UInt8](unsafeUninitializedCapacity: most) { buffer, filled in
      var size = most
      isWritten = image.bytes.withUnsafeBufferPointer {
        troupe_png_encode(&png, $0.baseAddress, buffer.baseAddress, &size)
      }
      filled = isWritten ? size : 0
    }
    guard isWritten else {
      throw ImageError("PNG", expected: "an image that can be compressed", found: message(of: &png))
    }
    return file
  }

  /// libpng's own limit.
  private static let largestSide = 1_000_000
  /// Keeps libpng's 32-bit sizes from overflowing.
  private static let mostBytes = 1 << 30

  private static func message(of png: inout troupe_png) -> String {
    let text = String(cString: troupe_png_message(&png))
    return text.isEmpty ? "something else than its header says" : text
  }
}
