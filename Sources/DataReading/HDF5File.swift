/// Reads HDF5 files without the HDF5 library, which crashes on damaged ones.
///
/// Everything is bounds-checked, nothing outside the file is followed, and what is walked is bounded by the file's
/// size. Read are the structures that HDF5 1.x, h5py and MATLAB write for plain arrays unless told otherwise: contiguous,
/// compact, and chunked with a B-tree. For others the error says what to do.
/// Source: "HDF5 File Format Specification Version 3.0".
struct HDF5File {
  let file: RandomAccessFile
  /// Added to every address in the file.
  private let base: UInt64
  private let root: UInt64

  var path: String { file.path }

  static let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]
  static let undefined = UInt64.max
  /// Sizes of addresses and lengths; other sizes exist in theory.
  static let wordBytes = 8
  /// A foreign header of one of these sizes may precede the file proper.
  private static let possibleStarts: [UInt64] = [0, 512, 1024, 2048]
  static let advice = "save it again with h5py's defaults (no libver=\"latest\")"

  static func isHDF5(_ head: [UInt8]) -> Bool { head.starts(with: signature) }

  init(path: String) throws(DataError) {
    file = try RandomAccessFile(path: path)
    for start in Self.possibleStarts where start + 96 <= UInt64(file.size) {
      let bytes = try file.bytes(at: start, count: 96)
      guard bytes.starts(with: Self.signature) else { continue }
      var block = HDF5Block(path: path, start: start, bytes: bytes)
      try block.skip(Self.signature.count)
      (base, root) = try Self.superblock(&block)
      return
    }
    throw DataError(path, at: "byte 0", expected: "an HDF5 file", found: "another format or a truncated file")
  }

  /// The base address and the root group's address.
  private static func superblock(_ block: inout HDF5Block) throws(DataError) -> (UInt64, UInt64) {
    let version = try block.byte()
    guard version <= 3 else { throw block.damaged("HDF5 superblock version 0 to 3", "\(version)", advice) }
    if version < 2 { try block.skip(4) }
    let offsetBytes = try block.byte()
    let lengthBytes = try block.byte()
    guard offsetBytes == wordBytes, lengthBytes == wordBytes else {
      throw block.damaged("addresses and lengths of \(wordBytes) bytes", "\(offsetBytes) and \(lengthBytes)", advice)
    }
    switch version {
    case 0: try block.skip(9)
    case 1: try block.skip(13)
    default: try block.skip(1)
    }
    let base = try block.number(wordBytes)
    try block.skip(version < 2 ? 4 * wordBytes : 2 * wordBytes)
    return (base, try block.number(wordBytes))
  }

  /// The piece of `count` bytes at `address`.
  func block(at address: UInt64, count: UInt64) throws(DataError) -> HDF5Block {
    let (offset, overflow) = address.addingReportingOverflow(base)
    guard !overflow, address != Self.undefined else {
      throw DataError(path, expected: "an address in the file", found: "\(address)", advice: "the file is damaged")
    }
    return HDF5Block(path: path, start: offset, bytes: try file.bytes(at: offset, count: count))
  }

  /// The dataset at a path of group names.
  ///
  /// - Parameter limit: bytes of elements above which it is refused.
  func dataset(_ name: String, limit: Int) throws(DataError) -> HDF5Dataset {
    var address = root
    let parts = name.split(separator: "/", omittingEmptySubsequences: true)
    guard !parts.isEmpty else { throw DataError(path, expected: "a dataset's name", found: DataError.quoted(name)) }
    let place = "dataset \(DataError.quoted(name))"
    for part in parts {
      let links = try links(of: try HDF5ObjectHeader(at: address, in: self))
      guard let link = links.first(where: { $0.name == part }) else {
        let known = links.prefix(12).map { DataError.quoted($0.name) }.joined(separator: ", ")
        throw DataError(
          path, at: place, expected: "a dataset of that name", found: "none",
          advice: known.isEmpty ? "there is nothing to read in its group" : "its group holds \(known)")
      }
      guard let next = link.address else {
        throw DataError(
          path, at: place, expected: "a dataset inside the file", found: "a soft or external link",
          advice: "links are not followed; copy the data into the file")
      }
      address = next
    }
    return try HDF5Dataset(header: try HDF5ObjectHeader(at: address, in: self), name: name, file: self, limit: limit)
  }

  /// The names in the root group.
  func rootNames() throws(DataError) -> [String] { try links(of: try HDF5ObjectHeader(at: root, in: self)).map(\.name) }
}
