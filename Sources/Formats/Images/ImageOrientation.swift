/// How a stored image is turned before it is shown, by the number that EXIF has for it.
///
/// Source: CIPA DC-008 (Exif 2.32), tag 274. The results are those of Pillow's `ImageOps.exif_transpose`.
package enum ImageOrientation: Int, Sendable, CaseIterable {
  case upright = 1
  case mirrored, turnedAround, flipped, transposed, turnedRight, transversed, turnedLeft

  /// Whether rows become columns.
  var swapsSides: Bool { rawValue >= Self.transposed.rawValue }

  /// The orientation in a file's EXIF data; upright where it has none, or one that makes no sense.
  init(of file: RawSpan, _ format: ImageFormat) {
    let exif: Range<Int>? =
      switch format {
      case .jpeg: JPEGSegments(file).exif
      case .png: PNGChunks.exif(in: file)
      }
    guard let exif, let found = Self.read(TIFFBytes(file, exif)) else {
      self = .upright
      return
    }
    self = found
  }

  private static let tag: UInt32 = 0x0112

  /// Reads the tag from the first directory of a TIFF header with its directories.
  private static func read(_ tiff: TIFFBytes) -> ImageOrientation? {
    let entryBytes = 12
    guard let directory = tiff.word(at: 4).map({ Int($0) }), let count = tiff.short(at: directory) else { return nil }
    for entry in 0..<Int(count) {
      let place = directory + 2 + entry * entryBytes
      guard let found = tiff.short(at: place) else { return nil }
      guard found == tag else { continue }
      let isLong = tiff.short(at: place + 2) == 4
      let value = isLong ? tiff.word(at: place + 8) : tiff.short(at: place + 8)
      return value.flatMap { ImageOrientation(rawValue: Int($0)) }
    }
    return nil
  }

  /// Turns an image of `width` × `height` stored pixels.
  func turn(_ pixels: inout [UInt8], width: Int, height: Int, channels: Int) {
    guard self != .upright else { return }
    let (rows, columns) = swapsSides ? (width, height) : (height, width)
    var turned: [UInt8] = []
    turned.reserveCapacity(pixels.count)
    for y in 0..<rows {
      for x in 0..<columns {
        let (row, column) =
          switch self {
          case .upright: (y, x)
          case .mirrored: (y, width - 1 - x)
          case .turnedAround: (height - 1 - y, width - 1 - x)
          case .flipped: (height - 1 - y, x)
          case .transposed: (x, y)
          case .turnedRight: (height - 1 - x, y)
          case .transversed: (height - 1 - x, width - 1 - y)
          case .turnedLeft: (x, width - 1 - y)
          }
        let first = (row * width + column) * channels
        for channel in 0..<channels { turned.append(pixels[first + channel]) }
      }
    }
    pixels = turned
  }
}

/// Numbers of a TIFF header in either order of bytes; nil outside of it.
private struct TIFFBytes {
  private let bytes: [UInt8]
  private let isLittle: Bool

  init(_ file: RawSpan, _ range: Range<Int>) {
    bytes = range.map { file.byte($0) }
    isLittle = bytes.first == UInt8(ascii: "I")
  }

  func short(at offset: Int) -> UInt32? { number(at: offset, 2) }
  func word(at offset: Int) -> UInt32? { number(at: offset, 4) }

  private func number(at offset: Int, _ count: Int) -> UInt32? {
    guard offset >= 0, offset + count <= bytes.count else { return nil }
    let digits = bytes[offset..<offset + count]
    return (isLittle ? digits.reversed() : Array(digits)).reduce(0) { $0 << 8 | UInt32($1) }
  }
}

/// The chunks of a PNG file.
private enum PNGChunks {
  /// The content of the chunk of EXIF data.
  static func exif(in file: RawSpan) -> Range<Int>? {
    var place = 8
    let headBytes = 8
    while place + headBytes <= file.byteCount {
      let length = (0..<4).reduce(0) { $0 << 8 | Int(file.byte(place + $1)) }
      let start = place + headBytes
      guard length <= file.byteCount - start else { return nil }
      if file.begins("eXIf", at: place + 4) { return start..<start + length }
      // Behind the content is its checksum.
      place = start + length + 4
    }
    return nil
  }
}

extension RawSpan {
  func byte(_ offset: Int) -> UInt8 { unsafeLoad(fromByteOffset: offset, as: UInt8.self) }

  /// Whether these ASCII characters lie at `offset`.
  func begins(_ text: StaticString, at offset: Int) -> Bool {
    let bytes = Array(text.description.utf8)
    return offset + bytes.count <= byteCount && bytes.indices.allSatisfy { byte(offset + $0) == bytes[$0] }
  }
}
