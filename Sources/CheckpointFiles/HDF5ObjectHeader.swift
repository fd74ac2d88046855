/// The messages of one group or dataset of an HDF5 1.8 file.
///
/// Source: "HDF5 File Format Specification Version 2.0", IV.A.1.b (object headers of version 2) and IV.A.2 (messages).
struct HDF5ObjectHeader {
  enum MessageKind: UInt8 {
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
    case attributeInfo = 0x15
    case linkCount = 0x16
  }

  private var messages: [(kind: MessageKind, bytes: ArraySlice<UInt8>)] = []

  /// Reads the header at `address` and the chunks it is continued in.
  /// - Parameter budget: how many bytes of structures may still be read; what is read is taken from it, so that a file
  ///   that refers to the same bytes again and again comes to an end.
  init(
    at address: UInt64, of file: borrowing OpenFile, byteCount: Int, budget: inout Int, calls: FileSystemCalls
  ) throws(CheckpointError) {
    func chunk(_ address: UInt64, _ count: UInt64) throws(CheckpointError) -> ArraySlice<UInt8> {
      guard count <= UInt64(max(budget, 0)), address <= UInt64(byteCount), count <= UInt64(byteCount) - address else {
        throw CheckpointError("a structure at byte \(address) does not fit into the file")
      }
      budget -= Int(count)
      return try calls.bytes(of: file, in: Int(address)..<Int(address + count))[...]
    }

    // As much as the largest prefix needs, of which the size of the first chunk is the last field.
    let available = UInt64(byteCount) - min(address, UInt64(byteCount))
    let prefix = try chunk(address, min(34, available))
    var start = HDF5Bytes(prefix)
    guard try start.take(4).elementsEqual("OHDR".utf8), try start.byte() == 2 else {
      throw CheckpointError("expected an object header of version 2 at byte \(address)")
    }
    let flags = try start.byte()
    if flags & 0x20 != 0 { _ = try start.take(16) }
    if flags & 0x10 != 0 { _ = try start.take(4) }
    let messageBytes = try start.number(1 << Int(flags & 3))
    let prefixBytes = prefix.count - start.count
    guard messageBytes <= UInt64(byteCount) else {
      throw CheckpointError("the object header at byte \(address) is too long")
    }

    let hasOrder = flags & 0x04 != 0
    var body = try Self.checked(chunk(address, UInt64(prefixBytes) + messageBytes + 4), at: address)
    _ = try body.take(prefixBytes)
    var continuations = try add(&body, hasOrder: hasOrder)
    while let (address, count) = continuations.popLast() {
      var body = try Self.checked(chunk(address, count), at: address)
      guard try body.take(4).elementsEqual("OCHK".utf8) else {
        throw CheckpointError("expected the continuation of an object header at byte \(address)")
      }
      continuations += try add(&body, hasOrder: hasOrder)
    }
  }

  /// The chunk without its checksum, which must be right.
  private static func checked(_ chunk: ArraySlice<UInt8>, at address: UInt64) throws(CheckpointError) -> HDF5Bytes {
    guard chunk.count >= 8 else { throw CheckpointError("the structure at byte \(address) is too short") }
    var stated = HDF5Bytes(chunk.suffix(4))
    guard try stated.number(4) == UInt64(jenkinsChecksum(chunk.dropLast(4))) else {
      throw CheckpointError("the structure at byte \(address) does not agree with its checksum")
    }
    return HDF5Bytes(chunk.dropLast(4))
  }

  /// - Returns: where the header goes on.
  private mutating func add(
    _ body: inout HDF5Bytes, hasOrder: Bool
  ) throws(CheckpointError) -> [(UInt64, UInt64)] {
    var continuations: [(UInt64, UInt64)] = []
    // A rest too small for a message is a gap.
    while body.count >= (hasOrder ? 6 : 4) {
      let code = try body.byte()
      let count = Int(try body.number(2))
      let flags = try body.byte()
      if hasOrder { _ = try body.take(2) }
      let bytes = try body.take(count)
      guard let kind = MessageKind(rawValue: code) else {
        throw CheckpointError("an object has the header message \(code), which a checkpoint has no use for")
      }
      guard flags & 0x02 == 0 else { throw CheckpointError("an object shares a header message: refused") }
      switch kind {
      case .empty: break
      case .continuation:
        var fields = HDF5Bytes(bytes)
        continuations.append((try fields.number(8), try fields.number(8)))
      default: messages.append((kind, bytes))
      }
    }
    return continuations
  }

  func has(_ kind: MessageKind) -> Bool { messages.contains { $0.kind == kind } }

  /// All messages of one kind.
  func all(_ kind: MessageKind) -> [HDF5Bytes] { messages.filter { $0.kind == kind }.map { HDF5Bytes($0.bytes) } }

  /// The one message of its kind.
  func only(_ kind: MessageKind) throws(CheckpointError) -> HDF5Bytes {
    let found = all(kind)
    guard found.count == 1 else { throw CheckpointError("expected one \(kind) message, found \(found.count)") }
    return found[0]
  }
}
