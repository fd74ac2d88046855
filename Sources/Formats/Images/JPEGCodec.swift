import CImage

/// JPEG files through TurboJPEG, the interface of libjpeg-turbo that needs no setjmp.
enum JPEGCodec {
  static func size(of file: RawSpan) throws(ImageError) -> (width: Int, height: Int, channels: Int) {
    if let mended = JPEGSegments(file).mended(file) { return try plainSize(of: mended.span.bytes) }
    return try plainSize(of: file)
  }

  private static func plainSize(
    of file: RawSpan
  ) throws(ImageError) -> (width: Int, height: Int, channels: Int) {
    let turbo = try TurboJPEG.decompressor()
    var (width, height, subsampling, colors): (Int32, Int32, Int32, Int32) = (0, 0, -1, -1)
    let status = file.withUnsafeBytes {
      tjDecompressHeader3(
        turbo.handle, $0.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt($0.count), &width, &height,
        &subsampling, &colors)
    }
    guard status == 0, width > 0, height > 0 else {
      throw ImageError(
        "JPEG header", expected: "the header of an image", found: status == 0 ? "none" : turbo.message,
        advice: "the file is truncated, damaged or of a rare kind; save it again")
    }
    switch colors {
    case Int32(TJCS_GRAY.rawValue): return (Int(width), Int(height), 1)
    case Int32(TJCS_RGB.rawValue), Int32(TJCS_YCbCr.rawValue): return (Int(width), Int(height), 3)
    default:
      throw ImageError(
        "JPEG header", expected: "gray levels or colors", found: "CMYK, which is for print",
        advice: "convert the image to RGB")
    }
  }

  static func decode(
    _ file: RawSpan, _ size: (width: Int, height: Int), channels: Int, into pixels: inout [UInt8]
  ) throws(ImageError) {
    if let mended = JPEGSegments(file).mended(file) {
      try decodePlain(mended.span.bytes, size, channels: channels, into: &pixels)
    } else {
      try decodePlain(file, size, channels: channels, into: &pixels)
    }
  }

  private static func decodePlain(
    _ file: RawSpan, _ size: (width: Int, height: Int), channels: Int, into pixels: inout [UInt8]
  ) throws(ImageError) {
    ImageDecoder.resize(&pixels, to: size.width * size.height * channels)
    do throws(ImageError) {
      try decode(file, size, channels: channels, TJFLAG_STOPONWARNING, into: &pixels)
    } catch {
      // The first remark is about the end of the file: all rows are there, and of several scans all are complete.
      guard error.found.hasSuffix(strayEnd) else { throw error }
      try decode(file, size, channels: channels, 0, into: &pixels)
    }
  }

  /// The decoder's remark on bytes between the image data and the end of the image.
  private static let strayEnd = "extraneous bytes before marker 0xd9"

  private static func decode(
    _ file: RawSpan, _ size: (width: Int, height: Int), channels: Int, _ flags: Int32, into pixels: inout [UInt8]
  ) throws(ImageError) {
    // Not used again: a decompressor remembers tables, and would decode a file without any by another file's.
    let turbo = try TurboJPEG.decompressor()
    let format = channels == 1 ? TJPF_GRAY : TJPF_RGB
    let status = file.withUnsafeBytes { bytes in
      pixels.withUnsafeMutableBufferPointer { pixels in
        tjDecompress2(
          turbo.handle, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt(bytes.count), pixels.baseAddress,
          Int32(size.width), Int32(size.width * channels), Int32(size.height), Int32(format.rawValue),
          TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS | flags)
      }
    }
    guard status == 0 || flags == 0 && tjGetErrorCode(turbo.handle) == Int32(TJERR_WARNING.rawValue) else {
      throw ImageError(
        "JPEG data", expected: "a whole \(size.width)×\(size.height) image", found: turbo.message,
        advice: "the file is truncated or damaged; replace it or leave it out")
    }
  }

  /// - Parameter quality: 1 (small) to 100 (good).
  static func encode(_ image: Image, quality: Int, hasHalvedColor: Bool) throws(ImageError) -> [UInt8] {
    precondition((1...100).contains(quality))
    let turbo = try TurboJPEG.compressor()
    let (width, height) = (Int32(clamping: image.width), Int32(clamping: image.height))
    let samples = image.channels == 1 ? TJSAMP_GRAY : hasHalvedColor ? TJSAMP_420 : TJSAMP_444
    let most = tjBufSize(width, height, Int32(samples.rawValue))
    guard image.width <= largestSide, image.height <= largestSide, most != .max else {
      throw ImageError(
        "JPEG", expected: "sides of at most \(largestSide) pixels", found: "\(image.width)×\(image.height)",
        advice: "write PNG instead")
    }
    var status: Int32 = -1
    let format = image.channels == 1 ? TJPF_GRAY : TJPF_RGB
    let file = [UInt8](unsafeUninitializedCapacity: Int(most)) { buffer, filled in
      var start = buffer.baseAddress
      var size = most
      status = image.bytes.withUnsafeBufferPointer { pixels in
        tjCompress2(
          turbo.handle, pixels.baseAddress, width, 0, height, Int32(format.rawValue), &start, &size,
          Int32(samples.rawValue), Int32(quality), TJFLAG_ACCURATEDCT | TJFLAG_NOREALLOC)
      }
      filled = status == 0 ? Int(size) : 0
    }
    guard status == 0 else {
      throw ImageError("JPEG", expected: "an image that can be compressed", found: turbo.message)
    }
    return file
  }

  /// JPEG's own limit.
  private static let largestSide = 65_500
}

/// One of TurboJPEG's compressors or decompressors.
private struct TurboJPEG: ~Copyable {
  let handle: tjhandle

  static func decompressor() throws(ImageError) -> TurboJPEG { try TurboJPEG(tjInitDecompress()) }
  static func compressor() throws(ImageError) -> TurboJPEG { try TurboJPEG(tjInitCompress()) }

  private init(_ handle: tjhandle?) throws(ImageError) {
    guard let handle else {
      throw ImageError("JPEG", expected: "memory for libjpeg-turbo", found: "none")
    }
    self.handle = handle
  }

  deinit { tjDestroy(handle) }

  /// The library's last error message, without the names of its functions.
  var message: String {
    let text = tjGetErrorStr2(handle).map { String(cString: $0) } ?? "an error without a name"
    return text.split(separator: "(): ", maxSplits: 1).last.map(String.init) ?? text
  }
}
