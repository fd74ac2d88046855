import Files
import Formats

/// Takes files out of a tar archive packed with gzip.
package enum PackedFolder {
  private static let pieceBytes = 1 << 20
  /// Larger than any file of a known data set.
  private static let mostFileBytes = 1 << 30

  /// Writes the files called `names`, in whichever folder of the archive they lie, into `folder`; others are left out.
  ///
  /// The archive's own paths are not used. Existing files are replaced.
  /// - Throws: when one of `names` is missing or comes twice.
  package static func unpack(_ archive: String, taking names: [String], into folder: String) throws(DataError) {
    var input = try InputFile(path: archive)
    var missing = Set(names)
    while true {
      let offset = input.offset
      let block = try input.read(TarHeader.byteCount, "a tar header")
      guard let header = try header(block, at: offset, of: archive) else { break }
      let (padded, overflow) = header.size.addingReportingOverflow(TarHeader.byteCount - 1)
      guard !overflow else { throw tooLarge(archive, offset, header) }
      let blocks = padded / TarHeader.byteCount * TarHeader.byteCount
      // Those that are wanted are ASCII.
      let path = String(decoding: header.nameBytes, as: UTF8.self)
      let name = path.split(separator: "/").last.map(String.init) ?? ""
      guard header.kind == .file, names.contains(name) else {
        try skip(blocks, in: &input)
        continue
      }
      guard header.size <= mostFileBytes else { throw tooLarge(archive, offset, header) }
      guard missing.remove(name) != nil else {
        throw DataError(archive, at: "byte \(offset)", expected: "one \(name)", found: "another")
      }
      try copy(header.size, of: &input, to: folder + "/" + name)
      try skip(blocks - header.size, in: &input)
    }
    if let name = missing.sorted().first {
      throw DataError(archive, expected: "the file \(name) in the archive", found: "none")
    }
  }

  private static func header(
    _ block: [UInt8], at offset: Int, of archive: String
  ) throws(DataError) -> TarHeader? {
    do throws(TarError) {
      return try TarHeader(block, at: offset)
    } catch {
      throw DataError(archive, error)
    }
  }

  private static func tooLarge(_ archive: String, _ offset: Int, _ header: TarHeader) -> DataError {
    DataError(
      archive, at: "byte \(offset)", expected: "files of at most \(DataError.bytes(mostFileBytes))",
      found: "\(header.size) bytes", advice: "the archive is damaged")
  }

  private static func skip(_ count: Int, in input: inout InputFile) throws(DataError) {
    var left = count
    while left > 0 { left -= try input.read(min(left, pieceBytes), "an archived file").count }
  }

  private static func copy(_ count: Int, of input: inout InputFile, to path: String) throws(DataError) {
    var file = try DataError.files { () throws(FileError) in try ReplacementFile(for: path, leftovers: .removed) }
    var left = count
    while left > 0 {
      let piece = try input.read(min(left, pieceBytes), "an archived file")
      try DataError.files { () throws(FileError) in try file.write(piece.span.bytes) }
      left -= piece.count
    }
    try DataError.files { () throws(FileError) in try file.commit() }
  }
}
