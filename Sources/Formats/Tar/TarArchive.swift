/// The files in a tar archive, found by its headers; their content stays where it is until it is asked for.
///
/// Read are ustar and older archives, GNU's long names, and pax records of path and size. What is neither a file nor a
/// folder is refused, because leaving it out would leave out a sample without a word.
struct TarArchive: Sendable {
  struct Entry: Sendable, Equatable {
    var name: String
    /// Of the first byte of content, from the start of the archive.
    var offset: Int
    /// Bytes; the archive holds all of them.
    var size: Int
  }

  let files: [Entry]
  let folders: [String]
  private let file: RandomAccessFile

  var path: String { file.path }

  /// Names and records are at most so long.
  private static let mostExtraBytes = 1 << 20

  init(path: String) throws(DataError) {
    file = try RandomAccessFile(path: path)
    var files: [Entry] = []
    var folders: [String] = []
    // By their bytes: to Swift, two ways of writing é are one.
    var names: Set<[UInt8]> = []
    var next = Replacement()
    var offset = 0
    while let header = try TarHeader(try Self.block(of: file, at: offset), at: offset, of: path) {
      let start = offset + TarHeader.byteCount
      let isEntry = header.kind == .file || header.kind == .folder
      let size = (isEntry ? next.size : nil) ?? header.size
      guard size <= file.size - start else {
        throw DataError(
          path, at: "byte \(offset)", expected: "\(size) bytes of \(DataError.quoted(next.name ?? header.name))",
          found: "the archive's end at \(file.size)", advice: "the archive is truncated or damaged")
      }
      let name = next.name ?? header.name
      switch header.kind {
      case .file where name.hasSuffix("/"), .folder: folders.append(name)
      case .file:
        guard names.insert(Array(name.utf8)).inserted else {
          throw DataError(
            path, at: "byte \(offset)", expected: "every file once", found: "\(DataError.quoted(name)) twice",
            advice: "pack the archive anew")
        }
        files.append(Entry(name: name, offset: start, size: size))
      case .longName, .extended:
        guard size <= Self.mostExtraBytes else {
          throw DataError(
            path, at: "byte \(offset)",
            expected: "a name or records of at most \(DataError.bytes(Self.mostExtraBytes))",
            found: DataError.bytes(size), advice: "the archive is damaged")
        }
        let bytes = try file.bytes(at: UInt64(start), count: UInt64(size))
        if header.kind == .longName {
          next.name = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        } else {
          try next.read(bytes, at: start, of: path)
        }
      case .remark: break
      case .other(let what):
        throw DataError(
          path, at: DataError.quoted(name), expected: "files and folders", found: what,
          advice: "pack the archive with --dereference --hard-dereference, or without this entry")
      }
      if isEntry { next = Replacement() }
      // The size is at most the archive's, so the sum does not overflow.
      offset = start + (size + TarHeader.byteCount - 1) / TarHeader.byteCount * TarHeader.byteCount
    }
    self.files = files
    self.folders = folders
    try Self.checkEnd(of: file, from: offset)
  }

  /// Zeros that a tar archive ends with, at most: its records have 10 KiB, and some MiB where someone wants them so.
  private static let mostPadding = 1 << 24

  /// Refuses what would be left out without a word: a second archive behind the first, a hole in one, and the zeros of a
  /// copy that never came to its end.
  private static func checkEnd(of file: RandomAccessFile, from offset: Int) throws(DataError) {
    let left = file.size - offset
    guard left <= mostPadding else {
      throw DataError(
        file.path, at: "byte \(offset)", expected: "at most \(DataError.bytes(mostPadding)) behind the archive's end",
        found: DataError.bytes(left), advice: "the archive is only in part here, or several are joined; pack it anew")
    }
    let tail = try file.bytes(at: UInt64(offset), count: UInt64(left))
    if let other = tail.firstIndex(where: { $0 != 0 }) {
      throw DataError(
        file.path, at: "byte \(offset + other)", expected: "zeros behind the archive's end, at byte \(offset)",
        found: "something else", advice: "the archive is damaged, or several are joined; pack it anew")
    }
  }

  /// Reads the content of one file over `bytes`.
  func read(_ entry: Entry, into bytes: inout [UInt8]) throws(DataError) {
    try file.read(at: UInt64(entry.offset), count: UInt64(entry.size), into: &bytes)
  }

  private static func block(of file: RandomAccessFile, at offset: Int) throws(DataError) -> [UInt8] {
    guard offset <= file.size - TarHeader.byteCount else {
      throw DataError(
        file.path, at: "byte \(offset)", expected: "another entry or the block of zeros that ends a tar archive",
        found: "the file's end", advice: "the archive is truncated, or this is no tar archive")
    }
    return try file.bytes(at: UInt64(offset), count: UInt64(TarHeader.byteCount))
  }

  /// What the entries before an entry say in place of its header.
  private struct Replacement {
    var name: String?
    var size: Int?

    /// Reads pax records, each "length key=value\n", the length being that of the whole record.
    mutating func read(_ bytes: [UInt8], at offset: Int, of path: String) throws(DataError) {
      var rest = bytes[...]
      while let first = rest.first, first != 0 {
        let digits = rest.prefix { $0 != UInt8(ascii: " ") }
        let text = String(decoding: digits.prefix(20), as: UTF8.self)
        guard let length = Int(text), length > digits.count + 2, length <= rest.count,
          let equals = rest[..<(rest.startIndex + length)].firstIndex(of: UInt8(ascii: "=")),
          rest[rest.startIndex + length - 1] == UInt8(ascii: "\n")
        else {
          throw DataError(
            path, at: "byte \(offset + rest.startIndex)", expected: "a pax record of length, key and value",
            found: DataError.quoted(String(decoding: rest.prefix(20), as: UTF8.self)), advice: "the archive is damaged")
        }
        let key = String(decoding: rest[(digits.endIndex + 1)..<max(equals, digits.endIndex + 1)], as: UTF8.self)
        let value = String(decoding: rest[(equals + 1)..<(rest.startIndex + length - 1)], as: UTF8.self)
        try set(key, value, at: offset + rest.startIndex, of: path)
        rest = rest.dropFirst(length)
      }
    }

    private mutating func set(_ key: String, _ value: String, at offset: Int, of path: String) throws(DataError) {
      switch key {
      case "path": name = value
      case "size":
        guard let count = Int(value), count >= 0 else {
          throw DataError(
            path, at: "byte \(offset)", expected: "a size of 0 to \(Int.max) bytes", found: DataError.quoted(value),
            advice: "the archive is damaged")
        }
        size = count
      case _ where key.hasPrefix("GNU.sparse."):
        throw DataError(
          path, at: "byte \(offset)", expected: "whole files", found: "a sparse file",
          advice: "pack the archive without --sparse")
      default: break
      }
    }
  }
}
