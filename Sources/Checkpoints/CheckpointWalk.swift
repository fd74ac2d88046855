import Files
import Formats

/// One walk through the groups of a file, from its root to every dataset.
struct CheckpointWalk {
  private(set) var step = 0
  private(set) var datasets: [CheckpointContents.Dataset] = []

  private let byteCount: Int
  private let calls: FileSystemCalls
  /// The addresses of the objects so far: each may have one name only, which also rules out cycles.
  private var visited: Set<UInt64> = []
  /// Bytes of structures that may still be read.
  private var budget: Int

  /// The most bytes of structures; prefixes of headers are read twice.
  private static let largestStructures = 128 << 20

  init(byteCount: Int, calls: FileSystemCalls) {
    self.byteCount = byteCount
    self.calls = calls
    budget = min(2 * byteCount, Self.largestStructures)
  }

  mutating func run(_ file: borrowing OpenFile) throws(CheckpointError) {
    let root = try rootAddress(of: file)
    visited.insert(root)
    let header = try header(at: root, of: file)
    let attributes = try CheckpointAttributes(of: header)
    try checkFormat(attributes)
    let step = Int64(bitPattern: try attributes.number(CheckpointLayout.stepAttribute, .int64))
    guard step >= 0 else { throw CheckpointError("states step \(step)") }
    self.step = Int(step)
    try visitGroup(header, path: "", depth: 0, file: file)
  }

  /// Source: the format specification, II.A, superblock version 2.
  private func rootAddress(of file: borrowing OpenFile) throws(CheckpointError) -> UInt64 {
    let bytes = try CheckpointError.files { () throws(FileError) in
      try calls.bytes(of: file, in: 0..<min(48, byteCount))
    }
    guard bytes.count == 48, bytes.starts(with: CheckpointLayout.signature) else {
      throw CheckpointError("not a checkpoint: it does not start with an HDF5 1.8 superblock")
    }
    return try CheckpointError.reading { () throws(HDF5Error) in try superblock(HDF5Block(start: 0, bytes: bytes)) }
  }

  private func superblock(_ block: HDF5Block) throws(HDF5Error) -> UInt64 {
    func refused(_ description: String) -> HDF5Error { .source(CheckpointError(description)) }
    var fields = block
    try fields.skip(CheckpointLayout.signature.count)
    guard try fields.number(2) == 0x0808 else { throw refused("its addresses have not 8 bytes") }
    try fields.skip(1)
    guard try fields.word() == 0, try fields.word() == HDF5Block.undefined else {
      throw refused("it starts elsewhere than at its first byte, or its superblock is extended")
    }
    guard try fields.word() == UInt64(byteCount) else {
      throw refused("it states another size than its \(byteCount) bytes")
    }
    let root = try fields.word()
    guard try fields.number(4) == UInt64(jenkinsChecksum(block.bytes[..<44])) else {
      throw refused("its superblock does not agree with its checksum")
    }
    return root
  }

  private mutating func header(
    at address: UInt64, of file: borrowing OpenFile
  ) throws(CheckpointError) -> HDF5ObjectHeader {
    let header: HDF5ObjectHeader
    do throws(HDF5Error) {
      header = try HDF5ObjectHeader(at: address) { (address, count) throws(HDF5Error) in
        try block(at: address, count: count, of: file)
      }
    } catch {
      throw CheckpointError(error)
    }
    guard header.version == 2 else {
      throw CheckpointError("expected an object header of version 2 at byte \(address)")
    }
    for message in header.messages {
      guard message.kind != nil else {
        throw CheckpointError("an object has the header message \(message.code), which a checkpoint has no use for")
      }
      guard !message.isShared else { throw CheckpointError("an object shares a header message: refused") }
    }
    return header
  }

  /// A piece of the file's structures; it is taken from the budget, so that a file that refers to the same bytes again
  /// and again comes to an end.
  private mutating func block(
    at address: UInt64, count: UInt64, of file: borrowing OpenFile
  ) throws(HDF5Error) -> HDF5Block {
    guard count <= UInt64(max(budget, 0)), address <= UInt64(byteCount), count <= UInt64(byteCount) - address else {
      throw .source(CheckpointError("a structure at byte \(address) does not fit into the file"))
    }
    budget -= Int(count)
    do {
      return HDF5Block(start: address, bytes: try calls.bytes(of: file, in: Int(address)..<Int(address + count)))
    } catch {
      throw .source(error)
    }
  }

  private func checkFormat(_ attributes: CheckpointAttributes) throws(CheckpointError) {
    let name = CheckpointLayout.formatAttribute
    let attribute = try attributes.attribute(name)
    let longest = CheckpointLayout.format.utf8.count
    guard case .text = attribute.type, attribute.value.remaining <= longest else {
      throw CheckpointError("the attribute \(name) is not a text of at most \(longest) bytes")
    }
    let format = String(decoding: attribute.value.bytes, as: UTF8.self)
    guard format == CheckpointLayout.format, attribute.space == .scalar else {
      throw CheckpointError("has the format \"\(format)\", expected \"\(CheckpointLayout.format)\"")
    }
    let version = Int32(truncatingIfNeeded: try attributes.number(CheckpointLayout.versionAttribute, .int32))
    guard version == CheckpointLayout.version else {
      throw CheckpointError("has format version \(version), this build reads \(CheckpointLayout.version)")
    }
  }

  private mutating func visitGroup(
    _ header: HDF5ObjectHeader, path: String, depth: Int, file: borrowing OpenFile
  ) throws(CheckpointError) {
    guard depth < CheckpointLayout.deepestPath else {
      throw CheckpointError("the group \(path) lies deeper than \(CheckpointLayout.deepestPath) groups")
    }
    _ = try header.only(.linkInfo)
    guard try !CheckpointError.reading({ () throws(HDF5Error) in try header.hasIndexedLinks() }) else {
      throw CheckpointError("the group /\(path) keeps its links outside its header, as no checkpoint does")
    }
    var names: Set<String> = []
    for message in header.all(.link) {
      let link = try Link(message, group: path)
      let inner = path.isEmpty ? link.name : "\(path)/\(link.name)"
      guard names.insert(link.name).inserted else { throw CheckpointError("\(inner) occurs twice") }
      guard visited.insert(link.address).inserted else { throw Self.linkedTwice(inner) }
      guard visited.count <= CheckpointLayout.mostObjects else {
        throw CheckpointError("has more than \(CheckpointLayout.mostObjects) objects")
      }
      let object: HDF5ObjectHeader
      do {
        object = try self.header(at: link.address, of: file)
      } catch {
        throw error.within(inner)
      }
      guard !object.has(.linkCount) else { throw Self.linkedTwice(inner) }
      if object.has(.linkInfo) {
        try visitGroup(object, path: inner, depth: depth + 1, file: file)
      } else if object.has(.layout) {
        datasets.append(try CheckpointContents.Dataset(object, path: inner, byteCount: byteCount))
      } else {
        throw CheckpointError("\(inner) is neither a group nor a dataset")
      }
    }
  }

  private static func linkedTwice(_ path: String) -> CheckpointError {
    CheckpointError("\(path) is linked more than once: a checkpoint has one name for each object")
  }
}

/// A name that a checkpoint may have and the object it leads to.
private struct Link {
  let name: String
  let address: UInt64

  /// Anything but a hard link is refused.
  init(_ message: HDF5Block, group: String) throws(CheckpointError) {
    let link = try CheckpointError.reading { () throws(HDF5Error) in try HDF5Link(message) }
    guard let name = String(validating: link.nameBytes, as: UTF8.self), !name.contains("/"),
      CheckpointLayout.flaw(in: name) == nil
    else { throw CheckpointError("something in the group /\(group) has a name that is not one of a tensor") }
    guard case .object(let address) = link.target else {
      throw CheckpointError(
        "/\(group) has a soft or external link named \(name): refused, a checkpoint has plain links only")
    }
    guard address != HDF5Block.undefined else { throw CheckpointError("/\(group)/\(name) leads nowhere") }
    self.name = name
    self.address = address
  }
}
