/// Pictures one after another in one PNG file (APNG, which browsers play; others show the first picture).
///
/// Extension chunks of the PNG specification, third edition (W3C 2025, section 11.3.6): acTL says how many frames there are, an
/// fcTL stands before each, and all frames but the first are in fdAT chunks, which are IDAT with a number in front. fcTL
/// and fdAT share one sequence of numbers.
package struct AnimatedPNG {
  package struct Frame {
    package let image: Image
    /// Milliseconds, up to 65,535.
    package let duration: UInt16

    package init(_ image: Image, duration: UInt16) {
      self.image = image
      self.duration = duration
    }
  }

  private var file: [UInt8] = []
  private var sequenceNumber: UInt32 = 0

  private init() {}

  /// The file's bytes; it is played again and again.
  ///
  /// - Parameter frames: at least one, all of one size and kind; each is asked for once, so that a lazy collection's
  ///   frames need not all be in memory.
  package static func encode(_ frames: some Collection<Frame>) throws(ImageError) -> [UInt8] {
    precondition(!frames.isEmpty, "an animation without frames")
    var animation = AnimatedPNG()
    var size: (width: Int, height: Int, channels: Int)?
    for (number, frame) in frames.enumerated() {
      let own = (width: frame.image.width, height: frame.image.height, channels: frame.image.channels)
      precondition(size.map { $0 == own } ?? true, "frames of different sizes")
      size = own
      animation.append(frame, number: number, of: frames.count, try frame.image.png())
    }
    animation.append("IEND", [])
    return animation.file
  }

  private mutating func append(_ frame: Frame, number: Int, of count: Int, _ png: [UInt8]) {
    let chunks = Self.chunks(of: png)
    if number == 0 {
      file += png[..<Self.signatureLength]
      // What describes pixels stands before the first of them, and holds for all frames.
      for chunk in chunks.prefix(while: { $0.type != "IDAT" }) {
        append(chunk.type, chunk.content)
        if chunk.type == "IHDR" { append("acTL", Self.bytes(UInt32(count)) + Self.bytes(UInt32(0))) }
      }
    }
    var control = nextNumber() + Self.bytes(UInt32(frame.image.width)) + Self.bytes(UInt32(frame.image.height))
    control += Self.bytes(UInt32(0)) + Self.bytes(UInt32(0))
    control += Self.bytes(frame.duration) + Self.bytes(UInt16(1000))
    // Frames stay as they are until the next one takes their place.
    control += [0, 0]
    append("fcTL", control)
    for chunk in chunks where chunk.type == "IDAT" {
      if number == 0 {
        append("IDAT", chunk.content)
      } else {
        append("fdAT", nextNumber() + chunk.content)
      }
    }
  }

  private mutating func nextNumber() -> [UInt8] {
    defer { sequenceNumber += 1 }
    return Self.bytes(sequenceNumber)
  }

  /// A chunk: length of the content, type, content, CRC of type and content.
  private mutating func append(_ type: String, _ content: some Collection<UInt8>) {
    file += Self.bytes(UInt32(content.count))
    let start = file.count
    file += type.utf8
    file += content
    file += Self.bytes(PNGChecksum.of(file[start...]))
  }

  private static let signatureLength = 8

  /// The chunks of a file that libpng has just written.
  private static func chunks(of png: [UInt8]) -> [(type: String, content: ArraySlice<UInt8>)] {
    var chunks: [(String, ArraySlice<UInt8>)] = []
    var at = signatureLength
    while at + 12 <= png.count {
      let length = png[at..<at + 4].reduce(0) { $0 << 8 | Int($1) }
      let content = at + 8..<at + 8 + length
      chunks.append((String(decoding: png[at + 4..<at + 8], as: UTF8.self), png[content]))
      at = content.upperBound + 4
    }
    return chunks
  }

  private static func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.bigEndian) { Array($0) }
  }
}

/// CRC-32 of PNG's chunks (ISO 3309).
enum PNGChecksum {
  private static let table: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 == 0 ? value >> 1 : 0xEDB8_8320 ^ value >> 1 }
  }

  static func of(_ bytes: some Sequence<UInt8>) -> UInt32 {
    ~bytes.reduce(~UInt32(0)) { table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] ^ $0 >> 8 }
  }
}
