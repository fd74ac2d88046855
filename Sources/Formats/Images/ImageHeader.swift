/// Format and size of an image file, known before its pixels are decoded.
package struct ImageHeader: Sendable, Equatable {
  package let format: ImageFormat
  package let width: Int
  package let height: Int
  /// 1 for a file of gray levels, 3 for one of colors (a palette with any color in it counts as colors).
  package let channels: Int

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
    (width, height, channels) = size
  }
}

/// Decodes image files; the same bytes always give the same pixels.
package enum ImageDecoder {
  /// Decodes a JPEG or PNG file over `pixels`, whose memory is used again where it is of the right size.
  ///
  /// - JPEG: 8 bits, gray or color, baseline or progressive. CMYK is refused, and so is everything that the decoder
  ///   would only warn of, such as data that end early, because it fills in the rest.
  /// - PNG: any; 16 bits become 8, palettes colors, and what is transparent is laid over white. A stated gamma other
  ///   than sRGB's is converted to sRGB.
  /// - An orientation in EXIF data is ignored: pixels come as they are stored.
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
    case .jpeg: try JPEGCodec.decode(file, header, channels: wanted, into: &pixels)
    case .png: try PNGCodec.decode(file, header, channels: wanted, into: &pixels)
    }
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
