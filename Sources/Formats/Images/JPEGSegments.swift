/// The segments of a JPEG file before its image data.
struct JPEGSegments {
  /// The TIFF header and directories of EXIF data.
  private(set) var exif: Range<Int>?
  /// Bytes that the decoder would stop at, though it understands the image, and what it reads there anyway.
  private var replaced: [(place: Int, byte: UInt8)] = []
  /// Bytes between segments, which it would skip.
  private var strays: [Range<Int>] = []

  private enum Marker {
    static let frames: ClosedRange<UInt8> = 0xC0...0xCF
    /// Tables, an extension and conditions of arithmetic coding, which share the numbers of frames.
    static let noFrames: Set<UInt8> = [0xC4, 0xC8, 0xCC]
    static let ends: Set<UInt8> = [0xD9, 0xDA]
    static let lone: Set<UInt8> = Set<UInt8>(0xD0...0xD8).union([0x01])
    static let jfif: UInt8 = 0xE0
    static let exif: UInt8 = 0xE1
    static let adobe: UInt8 = 0xEE
  }

  init(_ file: RawSpan) {
    var place = 2
    var adobe: Int?
    var components = 0
    while place + 1 < file.byteCount {
      let start = place
      // As the decoder: a zero behind 0xFF makes no marker, and repeated 0xFF are filling.
      while place < file.byteCount {
        let isFF = file.byte(place) == 0xFF
        guard !isFF || place + 1 < file.byteCount && file.byte(place + 1) == 0 else { break }
        place += isFF ? 2 : 1
      }
      let stray = start..<min(place, file.byteCount)
      while place < file.byteCount, file.byte(place) == 0xFF { place += 1 }
      guard place < file.byteCount else { break }
      let marker = file.byte(place)
      place += 1
      if !stray.isEmpty { strays.append(stray) }
      if Marker.ends.contains(marker) { break }
      if Marker.lone.contains(marker) { continue }
      guard place + 2 <= file.byteCount else { break }
      let length = Int(file.byte(place)) << 8 | Int(file.byte(place + 1))
      let body = place + 2
      guard length >= 2, length <= file.byteCount - place else { break }
      place += length
      switch marker {
      case Marker.jfif where length >= 16 && file.begins("JFIF\0", at: body):
        if file.byte(body + 5) != 1 { replaced.append((body + 5, 1)) }
      case Marker.exif where exif == nil && length >= 8 && file.begins("Exif\0", at: body): exif = body + 6..<place
      case Marker.adobe where length >= 14 && file.begins("Adobe", at: body): adobe = body + 11
      case Marker.frames where !Marker.noFrames.contains(marker) && length >= 8:
        components = Int(file.byte(body + 5))
      default: break
      }
    }
    // Colors in an unknown form are taken for the usual one; CMYK is refused anyway.
    if let adobe, components == 3, file.byte(adobe) > 1 { replaced.append((adobe, 1)) }
  }

  /// The file without what the decoder only remarks on; nil where there is nothing of the kind.
  func mended(_ file: RawSpan) -> [UInt8]? {
    guard !replaced.isEmpty || !strays.isEmpty else { return nil }
    var bytes = (0..<file.byteCount).map { file.byte($0) }
    for (place, byte) in replaced { bytes[place] = byte }
    for stray in strays.reversed() { bytes.removeSubrange(stray) }
    return bytes
  }
}
