/// Reads HDF5 files without the HDF5 library, which crashes on damaged ones.
///
/// Everything is bounds-checked, nothing outside the file is followed, and what is walked is bounded by the file's
/// size. Read are the structures that HDF5 1.x, h5py and MATLAB write for plain arrays unless told otherwise:
/// contiguous, compact, and chunked with a B-tree. For others the error says what to do.
/// Source: "HDF5 File Format Specification Version 3.0".
package struct HDF5File {
  /// Of the whole file.
  let byteCount: Int
  private let bytes: Source
  /// Added to every address in the file.
  private let base: UInt64
  private let root: UInt64

  /// Gives the `count` bytes from an offset, or throws where the file does not hold them.
  package typealias Source = (_ offset: UInt64, _ count: UInt64) throws(HDF5Error) -> [UInt8]

  package static let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]
  /// A foreign header of one of these sizes may precede the file proper.
  private static let possibleStarts: [UInt64] = [0, 512, 1024, 2048]

  package static func isHDF5(_ head: [UInt8]) -> Bool { head.starts(with: signature) }

  package init(byteCount: Int, bytes: @escaping Source) throws(HDF5Error) {
    self.byteCount = byteCount
    self.bytes = bytes
    for start in Self.possibleStarts where start + 96 <= UInt64(byteCount) {
      let head = try bytes(start, 96)
      guard head.starts(with: Self.signature) else { continue }
      var block = HDF5Block(start: start, bytes: head)
      try block.skip(Self.signature.count)
      (base, root) = try Self.superblock(&block)
      return
    }
    throw .flaw("an HDF5 file", "another format or a truncated file", at: "byte 0", advice: "")
  }

  /// The base address and the root group's address.
  private static func superblock(_ block: inout HDF5Block) throws(HDF5Error) -> (UInt64, UInt64) {
    let version = try block.byte()
    guard version <= 3 else { throw block.damaged("HDF5 superblock version 0 to 3", "\(version)", HDF5Error.saveAgain) }
    if version < 2 { try block.skip(4) }
    let offsetBytes = try block.byte()
    let lengthBytes = try block.byte()
    guard offsetBytes == HDF5Block.wordBytes, lengthBytes == HDF5Block.wordBytes else {
      throw block.damaged(
        "addresses and lengths of \(HDF5Block.wordBytes) bytes", "\(offsetBytes) and \(lengthBytes)",
        HDF5Error.saveAgain)
    }
    switch version {
    case 0: try block.skip(9)
    case 1: try block.skip(13)
    default: try block.skip(1)
    }
    let base = try block.word()
    try block.skip(version < 2 ? 4 * HDF5Block.wordBytes : 2 * HDF5Block.wordBytes)
    return (base, try block.word())
  }

  /// The piece of `count` bytes at `address`.
  func block(at address: UInt64, count: UInt64) throws(HDF5Error) -> HDF5Block {
    let (offset, overflow) = address.addingReportingOverflow(base)
    guard !overflow, address != HDF5Block.undefined else { throw .flaw("an address in the file", "\(address)") }
    return HDF5Block(start: offset, bytes: try bytes(offset, count))
  }

  private func header(at address: UInt64) throws(HDF5Error) -> HDF5ObjectHeader {
    try HDF5ObjectHeader(at: address) { (address, count) throws(HDF5Error) in try block(at: address, count: count) }
  }

  /// The dataset at a path of group names.
  package func dataset(_ name: String) throws(HDF5Error) -> HDF5Dataset {
    var address = root
    let parts = name.split(separator: "/", omittingEmptySubsequences: true)
    guard !parts.isEmpty else { throw .flaw("a dataset's name", HDF5Error.quoted(name), advice: "") }
    let place = "dataset \(HDF5Error.quoted(name))"
    for part in parts {
      let links = try links(of: try header(at: address))
      guard let link = links.first(where: { $0.name == part }) else {
        let known = links.prefix(12).map { HDF5Error.quoted($0.name) }.joined(separator: ", ")
        throw .flaw(
          "a dataset of that name", "none", at: place,
          advice: known.isEmpty ? "there is nothing to read in its group" : "its group holds \(known)")
      }
      guard case .object(let next) = link.target else {
        throw .flaw(
          "a dataset inside the file", "a soft or external link", at: place,
          advice: "links are not followed; copy the data into the file")
      }
      address = next
    }
    return try HDF5Dataset(header: try header(at: address), name: name, file: self)
  }

  /// The names in the root group.
  package func rootNames() throws(HDF5Error) -> [String] { try links(of: try header(at: root)).map(\.name) }
}
