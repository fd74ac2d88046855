import Arenas

/// One walk through the groups of a file, from its root to every dataset.
struct CheckpointWalk {
  private(set) var step = 0
  private(set) var datasets: [CheckpointContents.Dataset] = []

  private let byteCount: Int
  private let calls: FileSystemCalls
  /// The addresses of the objects met so far: each may have one name only, which also rules out cycles.
  private var visited: Set<UInt64> = []
  /// How many bytes of structures may still be read.
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
    let attributes = try HDF5Attribute.all(of: header)
    try checkFormat(attributes)
    var stated = try attributes.scalar(CheckpointLayout.stepAttribute, .int64)
    let step = Int64(bitPattern: try stated.number(8))
    guard step >= 0 else { throw CheckpointError("states step \(step)") }
    self.step = Int(step)
    try visitGroup(header, path: "", depth: 0, file: file)
  }

  /// Source: the format specification, II.A, superblock version 2.
  private func rootAddress(of file: borrowing OpenFile) throws(CheckpointError) -> UInt64 {
    let bytes = try calls.bytes(of: file, in: 0..<min(48, byteCount))
    guard bytes.count == 48, bytes.starts(with: CheckpointLayout.signature) else {
      throw CheckpointError("not a checkpoint: it does not start with an HDF5 1.8 superblock")
    }
    var fields = HDF5Bytes(bytes[CheckpointLayout.signature.count...])
    guard try fields.number(2) == 0x0808 else { throw CheckpointError("its addresses have not 8 bytes") }
    _ = try fields.byte()
    guard try fields.number(8) == 0, try fields.address() == nil else {
      throw CheckpointError("it starts elsewhere than at its first byte, or its superblock is extended")
    }
    guard try fields.number(8) == UInt64(byteCount) else {
      throw CheckpointError("it states another size than its \(byteCount) bytes")
    }
    let root = try fields.number(8)
    guard try fields.number(4) == UInt64(jenkinsChecksum(bytes[..<44])) else {
      throw CheckpointError("its superblock does not agree with its checksum")
    }
    return root
  }

  private mutating func header(
    at address: UInt64, of file: borrowing OpenFile
  ) throws(CheckpointError) -> HDF5ObjectHeader {
    try HDF5ObjectHeader(at: address, of: file, byteCount: byteCount, budget: &budget, calls: calls)
  }

  private func checkFormat(_ attributes: [String: HDF5Attribute]) throws(CheckpointError) {
    let name = CheckpointLayout.formatAttribute
    guard let attribute = attributes[name] else { throw CheckpointError("the attribute \(name) is missing") }
    let longest = CheckpointLayout.format.utf8.count
    guard case .text = attribute.type, attribute.value.count <= longest else {
      throw CheckpointError("the attribute \(name) is not a text of at most \(longest) bytes")
    }
    let format = String(decoding: attribute.value, as: UTF8.self)
    guard format == CheckpointLayout.format, attribute.space == .scalar else {
      throw CheckpointError("has the format \"\(format)\", expected \"\(CheckpointLayout.format)\"")
    }
    var stated = try attributes.scalar(CheckpointLayout.versionAttribute, .int32)
    let version = Int32(truncatingIfNeeded: try stated.number(4))
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
    try checkCompact(try header.only(.linkInfo), path: path)
    var names: Set<String> = []
    for message in header.all(.link) {
      let link = try HDF5Link(message, group: path)
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

  /// Whether a group's links are all in its header. Source: the format specification, IV.A.2.c.
  private func checkCompact(_ message: HDF5Bytes, path: String) throws(CheckpointError) {
    var fields = message
    _ = try fields.byte()
    if try fields.byte() & 1 != 0 { _ = try fields.take(8) }
    guard try fields.address() == nil else {
      throw CheckpointError("the group /\(path) keeps its links outside its header, as no checkpoint does")
    }
  }
}

extension CheckpointContents.Dataset {
  /// Reads a dataset's description and checks that it is one of a checkpoint.
  init(_ header: HDF5ObjectHeader, path: String, byteCount: Int) throws(CheckpointError) {
    do throws(CheckpointError) {
      self.path = path
      range = try Self.range(header, byteCount: byteCount)
      shape = try Self.shape(header)
      var type = try header.only(.datatype)
      let datatype = try HDF5Datatype(type.take(type.count))
      let isText = path.hasPrefix(CheckpointLayout.textGroup + "/")
      switch datatype {
      case .float32 where !isText: kind = .tensor(.float32)
      case .int32 where !isText: kind = .tensor(.int32)
      case .text where isText: kind = .text
      default: throw CheckpointError(isText ? "not a text of fixed length" : "neither little-endian float32 nor int32")
      }
      let (bytes, overflow) = shape.elementCount.multipliedReportingOverflow(by: datatype.byteCount ?? 0)
      guard !overflow, bytes == range.count, !isText || shape.rank == 0 else {
        throw CheckpointError("it takes \(range.count) bytes, which is not what its shape \(shape) needs")
      }
      var stated = try HDF5Attribute.all(of: header).scalar(CheckpointLayout.checksumAttribute, .uint32)
      crc = UInt32(truncatingIfNeeded: try stated.number(4))
    } catch {
      throw error.within(path)
    }
  }

  /// Where the data lie. Source: the format specification, IV.A.2.i, version 3.
  private static func range(_ header: HDF5ObjectHeader, byteCount: Int) throws(CheckpointError) -> Range<Int> {
    guard !header.has(.externalFiles) else { throw CheckpointError("its data are in another file: refused") }
    var fields = try header.only(.layout)
    guard try fields.byte() == 3, try fields.byte() == 1, !header.has(.filters) else {
      throw CheckpointError("it is chunked, compact or virtual: refused, a checkpoint's data are contiguous")
    }
    guard let offset = try fields.address() else { throw CheckpointError("it has no data") }
    let count = try fields.number(8)
    guard count > 0, offset <= UInt64(byteCount), count <= UInt64(byteCount) - offset else {
      throw CheckpointError("it states \(count) bytes at byte \(offset) of \(byteCount)")
    }
    return Int(offset)..<Int(offset + count)
  }

  private static func shape(_ header: HDF5ObjectHeader) throws(CheckpointError) -> TensorShape {
    var fields = try header.only(.dataspace)
    switch try HDF5Dataspace(fields.take(fields.count)) {
    case .scalar: return .scalar
    case .null: throw CheckpointError("it is empty")
    case .simple(let extents):
      guard let shape = TensorShape(checking: extents.map { Int(clamping: $0) }) else {
        throw CheckpointError("it states the shape \(extents), which no tensor has")
      }
      return shape
    }
  }
}
