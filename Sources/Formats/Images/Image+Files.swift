import Glibc

extension Image {
  /// The image as a PNG file: the same bytes for the same image.
  package func png() throws(ImageError) -> [UInt8] { try PNGCodec.encode(self) }

  /// The image as a JPEG file, with color at full resolution unless `hasHalvedColor`.
  ///
  /// - Parameter quality: 1 (small) to 100 (good).
  package func jpeg(quality: Int = 90, hasHalvedColor: Bool = false) throws(ImageError) -> [UInt8] {
    try JPEGCodec.encode(self, quality: quality, hasHalvedColor: hasHalvedColor)
  }

  /// Writes the image as a PNG file, or replaces it.
  ///
  /// The file appears under its name only when all of it is on disk.
  package func writePNG(to path: String) throws(ImageError) { try ImageFile.write(try png(), to: path) }
}

/// An image's file on the disk.
package enum ImageFile {
  /// Writes a file, or replaces it; it appears under its name only when all of it is on disk.
  package static func write(_ file: [UInt8], to path: String) throws(ImageError) {
    let temporary = path + ".tmp"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw failure(path, "a file that can be written") }
    let isWritten = file.withUnsafeBytes { write($0, to: descriptor) } && fsync(descriptor) == 0
    let reason = errno
    guard close(descriptor) == 0, isWritten, rename(temporary, path) == 0 else {
      if !isWritten { errno = reason }
      let error = failure(path, "room for the file")
      unlink(temporary)
      throw error
    }
  }

  private static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Bool {
    var rest = bytes
    while !rest.isEmpty {
      let written = Glibc.write(descriptor, rest.baseAddress, rest.count)
      if written < 0, errno == EINTR { continue }
      guard written > 0 else { return false }
      rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(written))
    }
    return true
  }

  private static func failure(_ path: String, _ expected: String) -> ImageError {
    ImageError(path, expected: expected, found: String(cString: strerror(errno)))
  }
}
