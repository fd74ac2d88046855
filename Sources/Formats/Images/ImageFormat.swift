/// The formats of image files, recognized by their first bytes and never by their names.
package enum ImageFormat: String, Sendable {
  case jpeg = "JPEG"
  case png = "PNG"

  /// Nil for a file of another kind.
  package init?(of file: RawSpan) {
    if Self.jpegMagic.begins(file) {
      self = .jpeg
    } else if Self.pngMagic.begins(file) {
      self = .png
    } else {
      return nil
    }
  }

  /// The first bytes of a JPEG file: start of image, and the first byte of the next marker.
  private static let jpegMagic = Magic([0xFF, 0xD8, 0xFF])
  private static let pngMagic = Magic([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])

  /// Files that are often taken for readable images, for messages.
  private static let others: [(Magic, String)] = [
    (Magic("GIF8"), "a GIF file"), (Magic("BM"), "a BMP file"), (Magic("II*\0"), "a TIFF file"),
    (Magic("MM\0*"), "a TIFF file"), (Magic("RIFF"), "a WebP or other RIFF file"), (Magic("<"), "a text with markup"),
    (Magic("\0\0\0\u{0C}jP"), "a JPEG 2000 file"), (Magic("version https://git-lfs"), "a Git LFS pointer"),
    (Magic([0x1F, 0x8B]), "a gzip file"), (Magic("PK"), "a ZIP file"), (Magic("8BPS"), "a Photoshop file"),
  ]

  /// The refusal of a file of another format.
  static func refusal(of file: RawSpan) -> ImageError {
    let first = (0..<min(4, file.byteCount)).map { at in
      let digits = String(file.unsafeLoad(fromByteOffset: at, as: UInt8.self), radix: 16)
      return digits.count < 2 ? "0" + digits : digits
    }
    let found =
      file.byteCount == 0
      ? "an empty file"
      : others.first { $0.0.begins(file) }?.1 ?? "a file that begins with \(first.joined(separator: " "))"
    return ImageError(
      "byte 0", expected: "a JPEG or PNG image", found: found, advice: "convert it to PNG or leave it out")
  }
}

/// Bytes that a kind of file begins with.
private struct Magic: Sendable {
  let bytes: [UInt8]

  init(_ bytes: [UInt8]) { self.bytes = bytes }
  init(_ text: String) { bytes = Array(text.utf8) }

  func begins(_ file: RawSpan) -> Bool {
    file.byteCount >= bytes.count
      && bytes.indices.allSatisfy { file.unsafeLoad(fromByteOffset: $0, as: UInt8.self) == bytes[$0] }
  }
}
