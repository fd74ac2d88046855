/// The files in a tar archive, found by its headers; their content is not read.
///
/// Reads ustar and older archives, GNU's long names, and pax records of path and size. An entry that is neither a file
/// nor a folder is refused, because a sample would silently be missing without it.
package struct TarArchive: Sendable {
  package struct Entry: Sendable, Equatable {
    package var name: String
    /// Of the first byte of content, from the start of the archive.
    package var offset: Int
    /// Bytes; the archive holds all of them.
    package var size: Int
  }

  package private(set) var files: [Entry] = []
  package private(set) var folders: [String] = []

  /// Longest name or records of an entry, in bytes.
  private static let mostExtraBytes = 1 << 20

  /// - Parameter read: gives `count` bytes from `offset` on, which lie inside the archive.
  package init(
    byteCount: Int, read: (_ offset: Int, _ count: Int) throws(TarError) -> [UInt8]
  ) throws(TarError) {
    // By their bytes: to Swift, two ways of writing é are one.
    var names: Set<[UInt8]> = []
    var next = Replacement()
    var offset = 0
    while let header = try Self.header(at: offset, of: byteCount, read) {
      let start = offset + TarHeader.byteCount
      let isEntry = header.kind == .file || header.kind == .folder
      let size = (isEntry ? next.size : nil) ?? header.size
      let nameBytes = next.name ?? header.nameBytes
      let name = String(decoding: nameBytes, as: UTF8.self)
      guard size <= byteCount - start else {
        throw .flaw(
          at: "byte \(offset)", expected: "\(size) bytes of \(MessageText.quoted(name))",
          found: "the archive's end at \(byteCount)", advice: "the archive is truncated or damaged")
      }
      // Repaired, different names could become one. Other entries may have the beginning of a name.
      guard !isEntry || name.utf8.elementsEqual(nameBytes) else {
        throw .flaw(
          at: "byte \(offset)", expected: "names in \(MessageText.unicode)", found: MessageText.flaw(of: nameBytes),
          advice: "rename the file and pack the archive anew")
      }
      switch header.kind {
      case .file where name.hasSuffix("/"), .folder: folders.append(name)
      case .file:
        guard names.insert(nameBytes).inserted else {
          throw .flaw(
            at: "byte \(offset)", expected: "every file once", found: "\(MessageText.quoted(name)) twice",
            advice: "pack the archive anew")
        }
        files.append(Entry(name: name, offset: start, size: size))
      case .longName, .extended:
        guard size <= Self.mostExtraBytes else {
          throw .flaw(
            at: "byte \(offset)", expected: "a name or records of at most \(MessageText.bytes(Self.mostExtraBytes))",
            found: MessageText.bytes(size))
        }
        let bytes = try read(start, size)
        if header.kind == .longName {
          next.name = Array(bytes.prefix { $0 != 0 })
        } else {
          try next.read(bytes, at: start)
        }
      case .comment: break
      case .other(let kind):
        throw .flaw(
          at: MessageText.quoted(name), expected: "files and folders", found: kind,
          advice: "pack the archive with --dereference --hard-dereference, or without this entry")
      }
      if isEntry { next = Replacement() }
      // The size is at most the archive's, so the sum does not overflow.
      offset = start + (size + TarHeader.byteCount - 1) / TarHeader.byteCount * TarHeader.byteCount
    }
    try Self.checkEnd(from: offset, of: byteCount, read)
  }

  private static func header(
    at offset: Int, of byteCount: Int, _ read: (Int, Int) throws(TarError) -> [UInt8]
  ) throws(TarError) -> TarHeader? {
    guard offset <= byteCount - TarHeader.byteCount else {
      throw .flaw(
        at: "byte \(offset)", expected: "another entry or the block of zeros that ends a tar archive",
        found: "the file's end", advice: "the archive is truncated, or this is no tar archive")
    }
    return try TarHeader(try read(offset, TarHeader.byteCount), at: offset)
  }

  /// Most zeros at an archive's end: records have 10 KiB, or some MiB where someone wants them so.
  private static let mostPadding = 1 << 24

  /// Refuses content that would silently be missing: a second archive behind the first, a hole in one, and the zeros of
  /// an unfinished copy.
  private static func checkEnd(
    from offset: Int, of byteCount: Int, _ read: (Int, Int) throws(TarError) -> [UInt8]
  ) throws(TarError) {
    let rest = byteCount - offset
    guard rest <= mostPadding else {
      throw .flaw(
        at: "byte \(offset)", expected: "at most \(MessageText.bytes(mostPadding)) behind the archive's end",
        found: MessageText.bytes(rest), advice: "the archive is only in part here, or several are joined; pack it anew")
    }
    if let other = try read(offset, rest).firstIndex(where: { $0 != 0 }) {
      throw .flaw(
        at: "byte \(offset + other)", expected: "zeros behind the archive's end, at byte \(offset)",
        found: "something else", advice: "the archive is damaged, or several are joined; pack it anew")
    }
  }

  /// Fields that earlier entries give in place of an entry's header.
  private struct Replacement {
    var name: [UInt8]?
    var size: Int?

    /// Reads pax records, each "length key=value\n" with the length of the whole record.
    mutating func read(_ bytes: [UInt8], at offset: Int) throws(TarError) {
      var rest = bytes[...]
      while let first = rest.first, first != 0 {
        let digits = rest.prefix { $0 != UInt8(ascii: " ") }
        let text = String(decoding: digits.prefix(20), as: UTF8.self)
        guard let length = Int(text), length > digits.count + 2, length <= rest.count,
          let equals = rest[..<(rest.startIndex + length)].firstIndex(of: UInt8(ascii: "=")),
          rest[rest.startIndex + length - 1] == UInt8(ascii: "\n")
        else {
          throw .flaw(
            at: "byte \(offset + rest.startIndex)", expected: "a pax record of length, key and value",
            found: MessageText.quoted(String(decoding: rest.prefix(20), as: UTF8.self)))
        }
        let key = String(decoding: rest[(digits.endIndex + 1)..<max(equals, digits.endIndex + 1)], as: UTF8.self)
        let value = Array(rest[(equals + 1)..<(rest.startIndex + length - 1)])
        try set(key, value, at: "byte \(offset + rest.startIndex)")
        rest = rest.dropFirst(length)
      }
    }

    private mutating func set(_ key: String, _ value: [UInt8], at place: String) throws(TarError) {
      switch key {
      case "path": name = value
      case "size":
        let text = String(decoding: value, as: UTF8.self)
        guard let count = Int(text), count >= 0 else {
          throw .flaw(at: place, expected: "a size of 0 to \(Int.max) bytes", found: MessageText.quoted(text))
        }
        size = count
      case _ where key.hasPrefix("GNU.sparse."):
        throw .flaw(
          at: place, expected: "whole files", found: "a sparse file", advice: "pack the archive without --sparse")
      default: break
      }
    }
  }
}
