/// A header block of a tar archive: ustar (POSIX.1-1988), the older format without a magic, and GNU's variant.
package struct TarHeader {
  /// The kind of an entry, by its type flag.
  package enum Kind: Equatable {
    case file
    case folder
    /// GNU: the content is the next entry's name.
    case longName
    /// Pax (POSIX.1-2001): the content is records that replace fields of the next entry.
    case extended
    /// About no file: records for all entries, a long link target, a volume's label.
    case comment
    /// A link, a device, a sparse file, a part of a file.
    case other(String)

    init(flag: UInt8) {
      switch Character(UnicodeScalar(flag)) {
      case "0", "\0", "7": self = .file
      case "5": self = .folder
      case "L": self = .longName
      case "x": self = .extended
      case "g", "K", "V": self = .comment
      case "1": self = .other("a hard link")
      case "2": self = .other("a symbolic link")
      case "3", "4": self = .other("a device")
      case "6": self = .other("a pipe")
      case "S": self = .other("a sparse file")
      case "M": self = .other("a part of a file")
      default: self = .other("an entry of unknown type")
      }
    }
  }

  package static let byteCount = 512

  /// The name's bytes, in whatever encoding; the beginning alone where an extension gives the whole name.
  package let nameBytes: [UInt8]
  /// Bytes of content.
  package let size: Int
  package let kind: Kind

  // Where the fields lie.
  private static let nameField = 0..<100
  private static let sizeField = 124..<136
  private static let checksumField = 148..<156
  private static let flagOffset = 156
  private static let magicField = 257..<263
  private static let prefixField = 345..<500

  /// Returns nil for the block of zeros that ends an archive.
  ///
  /// - Parameters:
  ///   - block: `byteCount` bytes.
  ///   - offset: the block's place in the archive, for messages.
  package init?(_ block: [UInt8], at offset: Int) throws(TarError) {
    if block.allSatisfy({ $0 == 0 }) { return nil }
    guard Self.number(block[Self.checksumField]) == Self.checksum(of: block) else {
      throw .flaw(
        at: "byte \(offset)", expected: "a tar header with a right checksum", found: "another block",
        advice: offset == 0 ? "this is no tar archive, or a compressed one; unpack it" : "the archive is damaged")
    }
    guard let size = Self.number(block[Self.sizeField]) else {
      throw .flaw(
        at: "byte \(offset + Self.sizeField.lowerBound)", expected: "an entry's size of 0 to \(Int.max) bytes",
        found: "none")
    }
    let name = Self.text(block[Self.nameField])
    // GNU's own format has times where ustar has the name's first part.
    let isPosix = block[Self.magicField].elementsEqual(Array("ustar\0".utf8))
    let prefix = isPosix ? Self.text(block[Self.prefixField]) : []
    nameBytes = prefix.isEmpty ? Array(name) : prefix + [UInt8(ascii: "/")] + name
    self.size = size
    kind = Kind(flag: block[Self.flagOffset])
  }

  /// Octal digits, or base 256 where the first bit is set; nil for anything else, and for negative numbers and those
  /// above 2⁶³ − 1.
  static func number(_ field: ArraySlice<UInt8>) -> Int? {
    guard let first = field.first else { return nil }
    if first & 0x80 != 0 {
      // A negative number begins with 0xFF: taken for a large one, it does not fit.
      var value = Int(first & 0x7F)
      for byte in field.dropFirst() {
        let (shifted, overflow) = value.multipliedReportingOverflow(by: 256)
        guard !overflow else { return nil }
        value = shifted | Int(byte)
      }
      return value
    }
    let isBlank = { (byte: UInt8) in byte == 0 || byte == UInt8(ascii: " ") }
    let digits = field.drop { $0 == UInt8(ascii: " ") }.prefix { !isBlank($0) }
    guard !digits.isEmpty, field[digits.endIndex...].allSatisfy(isBlank),
      digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "7")).contains($0) })
    else { return nil }
    return digits.reduce(0) { $0 << 3 | Int($1 - UInt8(ascii: "0")) }
  }

  /// The sum of all bytes, with blanks in place of the checksum.
  private static func checksum(of block: [UInt8]) -> Int {
    let own = block[checksumField].reduce(0) { $0 + Int($1) }
    return block.reduce(0) { $0 + Int($1) } - own + checksumField.count * Int(UInt8(ascii: " "))
  }

  private static func text(_ field: ArraySlice<UInt8>) -> ArraySlice<UInt8> { field.prefix { $0 != 0 } }
}
