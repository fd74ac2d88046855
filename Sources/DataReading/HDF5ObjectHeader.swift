/// The messages that describe a group or dataset.
struct HDF5ObjectHeader {
  enum Kind: UInt64 {
    case dataspace = 0x01
    case linkInfo = 0x02
    case datatype = 0x03
    case link = 0x06
    case externalFiles = 0x07
    case layout = 0x08
    case filters = 0x0B
    case continuation = 0x10
    case symbolTable = 0x11
  }

  struct Message {
    var kind: Kind
    /// Lies elsewhere in the file; only named data types do, and those are refused.
    var isShared: Bool
    var block: HDF5Block
  }

  let messages: [Message]

  /// Continuations of a header; a circle of them ends here.
  private static let mostPieces = 256

  init(at address: UInt64, in file: HDF5File) throws(DataError) {
    var first = try file.block(at: address, count: 16)
    let isNew = first.bytes.starts(with: Array("OHDR".utf8))
    var messages: [Message] = []
    var pieces: [HDF5Block] = []
    var hasOrder = false
    if isNew {
      try first.skip(5)
      let flags = try first.byte()
      hasOrder = flags & 0x04 != 0
      let prefix = 6 + (flags & 0x20 != 0 ? 16 : 0) + (flags & 0x10 != 0 ? 4 : 0)
      let sizeBytes = 1 << Int(flags & 3)
      var sized = try file.block(at: address, count: UInt64(prefix + sizeBytes))
      try sized.skip(prefix)
      let size = try sized.number(sizeBytes)
      pieces = [try file.block(at: address + UInt64(prefix + sizeBytes), count: size)]
    } else {
      let version = try first.byte()
      guard version == 1 else { throw first.damaged("an object header of version 1 or 2", "\(version)") }
      try first.skip(7)
      let size = try first.number(4)
      pieces = [try file.block(at: address + 16, count: size)]
    }
    var next = 0
    while next < pieces.count {
      var piece = pieces[next]
      next += 1
      let headBytes = isNew ? (hasOrder ? 6 : 4) : 8
      while piece.remaining >= headBytes {
        let kind = try piece.number(isNew ? 1 : 2)
        let size = Int(try piece.number(2))
        let flags = try piece.byte()
        try piece.skip(headBytes - (isNew ? 4 : 5))
        // The tail of a new piece may be a gap too small for a message.
        guard size <= piece.remaining || !isNew else { break }
        let start = piece.start + UInt64(piece.position)
        let content = HDF5Block(path: file.path, start: start, bytes: Array(try piece.take(size)))
        guard let kind = Kind(rawValue: kind) else { continue }
        guard kind == .continuation else {
          messages.append(Message(kind: kind, isShared: flags & 0x02 != 0, block: content))
          continue
        }
        guard pieces.count < Self.mostPieces else { throw content.damaged("at most \(Self.mostPieces) pieces", "more") }
        pieces.append(try Self.continuation(content, isNew: isNew, in: file))
      }
    }
    self.messages = messages
  }

  private static func continuation(
    _ message: HDF5Block, isNew: Bool, in file: HDF5File
  ) throws(DataError) -> HDF5Block {
    var message = message
    let address = try message.number(HDF5File.wordBytes)
    let count = try message.number(HDF5File.wordBytes)
    guard isNew else { return try file.block(at: address, count: count) }
    let signatureAndChecksum: UInt64 = 8
    guard count >= signatureAndChecksum else { throw message.damaged("a continuation of 8 bytes or more", "\(count)") }
    var signed = try file.block(at: address, count: 4)
    try signed.expect("OCHK")
    return try file.block(at: address + 4, count: count - signatureAndChecksum)
  }

  func first(_ kind: Kind) -> Message? { messages.first { $0.kind == kind } }
}
