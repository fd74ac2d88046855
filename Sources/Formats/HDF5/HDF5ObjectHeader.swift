/// The messages that describe a group or dataset.
///
/// Source: "HDF5 File Format Specification Version 3.0", IV.A.1 (object headers of versions 1 and 2).
package struct HDF5ObjectHeader {
  package enum Kind: UInt8 {
    case empty = 0x00
    case dataspace = 0x01
    case linkInfo = 0x02
    case datatype = 0x03
    case fillValue = 0x05
    case link = 0x06
    case externalFiles = 0x07
    case layout = 0x08
    case groupInfo = 0x0A
    case filters = 0x0B
    case attribute = 0x0C
    case continuation = 0x10
    case symbolTable = 0x11
    case attributeInfo = 0x15
    case linkCount = 0x16
  }

  package struct Message {
    package let code: UInt64
    /// Lies elsewhere in the file.
    package let isShared: Bool
    package let block: HDF5Block

    /// Nil for messages that nothing here needs.
    package var kind: Kind? { UInt8(exactly: code).flatMap { Kind(rawValue: $0) } }
  }

  /// 1 or 2; headers of version 2 carry checksums, which have been found right.
  package let version: UInt8
  package private(set) var messages: [Message] = []

  /// Pieces of a header; a circle of continuations ends here.
  private static let mostPieces = 256
  private static let checksumBytes = 4

  package init(at address: UInt64, read: HDF5Reader) throws(HDF5Error) {
    let start = try read(address, 6)
    let isNew = start.bytes.starts(with: "OHDR".utf8)
    version = start.bytes[isNew ? 4 : 0]
    guard version == (isNew ? 2 : 1) else { throw start.damaged("an object header of version 1 or 2", "\(version)") }
    let flags = isNew ? start.bytes[5] : 0
    var pieces = [isNew ? try Self.firstPiece(at: address, flags: flags, read) : try Self.oldPiece(at: address, read)]
    var next = 0
    while next < pieces.count {
      for message in try Self.messages(in: pieces[next], isNew: isNew, hasOrder: flags & 0x04 != 0) {
        guard message.kind == .continuation else {
          messages.append(message)
          continue
        }
        guard pieces.count < Self.mostPieces else {
          throw message.block.damaged("at most \(Self.mostPieces) pieces", "more")
        }
        pieces.append(try Self.continuation(message.block, isNew: isNew, read))
      }
      next += 1
    }
  }

  private static func oldPiece(at address: UInt64, _ read: HDF5Reader) throws(HDF5Error) -> HDF5Block {
    let headBytes: UInt64 = 16
    var head = try read(address, headBytes)
    try head.skip(8)
    return try read(address + headBytes, try head.number(4))
  }

  private static func firstPiece(
    at address: UInt64, flags: UInt8, _ read: HDF5Reader
  ) throws(HDF5Error) -> HDF5Block {
    let prefix = 6 + (flags & 0x20 != 0 ? 16 : 0) + (flags & 0x10 != 0 ? 4 : 0)
    let sizeBytes = 1 << Int(flags & 3)
    var head = try read(address, UInt64(prefix + sizeBytes))
    try head.skip(prefix)
    let size = try head.number(sizeBytes)
    let (count, overflow) = size.addingReportingOverflow(UInt64(prefix + sizeBytes + checksumBytes))
    guard !overflow else { throw head.damaged("a header that fits into the file", "\(size) bytes") }
    var piece = try checked(read(address, count))
    try piece.skip(prefix + sizeBytes)
    return piece
  }

  private static func continuation(
    _ message: HDF5Block, isNew: Bool, _ read: HDF5Reader
  ) throws(HDF5Error) -> HDF5Block {
    var message = message
    let address = try message.word()
    let count = try message.word()
    guard isNew else { return try read(address, count) }
    var piece = try checked(read(address, count))
    try piece.expect("OCHK")
    return piece
  }

  /// The piece without its checksum, which must be right.
  private static func checked(_ piece: HDF5Block) throws(HDF5Error) -> HDF5Block {
    var body = piece
    guard piece.bytes.count > checksumBytes else {
      throw piece.damaged("a structure and its checksum", "\(piece.bytes.count) bytes")
    }
    let content = try body.block(piece.bytes.count - checksumBytes)
    guard try body.number(checksumBytes) == UInt64(jenkinsChecksum(content.bytes[...])) else {
      throw piece.damaged("a structure that agrees with its checksum", "another one")
    }
    return content
  }

  private static func messages(
    in piece: HDF5Block, isNew: Bool, hasOrder: Bool
  ) throws(HDF5Error) -> [Message] {
    var piece = piece
    var messages: [Message] = []
    let headBytes = isNew ? (hasOrder ? 6 : 4) : 8
    // A rest too small for a message is a gap.
    while piece.remaining >= headBytes {
      let code = try piece.number(isNew ? 1 : 2)
      let size = Int(try piece.number(2))
      let flags = try piece.byte()
      try piece.skip(headBytes - (isNew ? 4 : 5))
      messages.append(Message(code: code, isShared: flags & 0x02 != 0, block: try piece.block(size)))
    }
    return messages
  }

  package func first(_ kind: Kind) -> Message? { messages.first { $0.kind == kind } }

  package func has(_ kind: Kind) -> Bool { first(kind) != nil }

  /// All messages of one kind.
  package func all(_ kind: Kind) -> [HDF5Block] { messages.filter { $0.kind == kind }.map(\.block) }
}
