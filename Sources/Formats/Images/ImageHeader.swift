/// Format and size of an image file, known before its pixels are decoded.
package struct ImageHeader: Sendable, Equatable {
  package let format: ImageFormat
  package let width: Int
  package let height: Int
  /// 1 for a file of gray levels, 3 for one of colors (a palette with any color in it counts as colors).
  package let channels: Int
  /// How the stored pixels are turned; width and height are those of the turned image.
  package let orientation: ImageOrientation

  /// Reads the header of a JPEG or PNG file; takes no memory for pixels.
  ///
  /// - Throws: for other files, headers that make no sense, CMYK, and more than `mostPixels` pixels.
  package init(of file: RawSpan, mostPixels: Int = Image.mostPixels) throws(ImageError) {
    guard let format = ImageFormat(of: file) else { throw ImageFormat.refusal(of: file) }
    let size =
      switch format {
      case .jpeg: try JPEGCodec.size(of: file)
      case .png: try PNGCodec.size(of: file)
      }
    let (pixels, overflow) = size.width.multipliedReportingOverflow(by: size.height)
    guard !overflow, pixels <= mostPixels else {
      throw ImageError(
        "\(format.rawValue) header", expected: "at most \(mostPixels) pixels",
        found: "\(size.width)×\(size.height)", advice: "make the image smaller")
    }
    self.format = format
    orientation = ImageOrientation(of: file, format)
    channels = size.channels
    (width, height) = orientation.swapsSides ? (size.height, size.width) : (size.width, size.height)
  }

  /// Width and height as they are stored.
  var storedSize: (width: Int, height: Int) { orientation.swapsSides ? (height, width) : (width, height) }
}

/// Decodes image files; the same bytes always give the same pixels.
package enum ImageDecoder {
  /// Decodes a JPEG or PNG file over `pixels`, whose memory is used again where it is of the right size.
  ///
  /// - JPEG: 8 bits, gray or color, baseline or progressive. CMYK is refused, and so are data that end early or make no
  ///   sense, though the decoder would only warn of them and fill in the rest; its other remarks are no failure.
  /// - PNG: any; 16 bits become 8, palettes colors, and what is transparent is laid over white. A stated gamma other
  ///   than sRGB's is converted to sRGB.
  /// - Images are turned as their EXIF data say.
  ///
  /// - Parameters:
  ///   - channels: 1 or 3 to have gray levels or colors whatever is stored; nil for what is stored.
  ///   - pixels: receives [height, width, channels]; undefined after an error.
  /// - Returns: the file's header, with the channels of the file.
  @discardableResult package static func decode(
    _ file: RawSpan, channels: Int? = nil, mostPixels: Int = Image.mostPixels, into pixels: inout [UInt8]
  ) throws(ImageError) -> ImageHeader {
    precondition(channels == nil || channels == 1 || channels == 3)
    let header = try ImageHeader(of: file, mostPixels: mostPixels)
    let wanted = channels ?? header.channels
    switch header.format {
    case .jpeg: try JPEGCodec.decode(file, header.storedSize, channels: wanted, into: &pixels)
    case .png: try PNGCodec.decode(file, header, channels: wanted, into: &pixels)
    }
    let (width, height) = header.storedSize
    header.orientation.turn(&pixels, width: width, height: height, channels: wanted)
    return header
  }

  /// Makes `pixels` `count` bytes long without touching memory that is there already.
  static func resize(_ pixels: inout [UInt8], to count: Int) {
    if pixels.count > count {
      pixels.removeLast(pixels.count - count)
    } else if pixels.count < count {
      pixels.append(contentsOf: repeatElement(0, count: count - pixels.count))
    }
  }
}

extension Image {
  /// Decodes a JPEG or PNG file, as `ImageDecoder.decode` does.
  package init(
    decoding file: RawSpan, channels: Int? = nil, mostPixels: Int = Image.mostPixels
  ) throws(ImageError) {
    var pixels: [UInt8] = []
    let header = try ImageDecoder.decode(file, channels: channels, mostPixels: mostPixels, into: &pixels)
    self.init(
      width: header.width, height: header.height, channels: channels ?? header.channels, bytes: pixels)
  }
}
