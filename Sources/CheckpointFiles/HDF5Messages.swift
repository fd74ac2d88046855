/// The element types that a checkpoint's datasets and attributes have.
enum HDF5Datatype: Equatable {
  case float32, int32, int64, uint32
  /// Of a fixed number of bytes.
  case text(byteCount: Int)
  case other

  /// Source: the format specification, IV.A.2.d. Compared as a whole, so that byte order, sign and layout are ours.
  init(_ bytes: ArraySlice<UInt8>) throws(CheckpointError) {
    var fields = HDF5Bytes(bytes)
    let versionAndClass = try fields.byte()
    let bits = Array(try fields.take(3))
    let byteCount = try fields.number(4)
    let properties = Array(try fields.take(fields.count))
    guard (1...3).contains(versionAndClass >> 4) else {
      self = .other
      return
    }
    switch (versionAndClass & 0x0F, bits, byteCount) {
    case (0, [0x08, 0, 0], 4) where properties.starts(with: [0, 0, 32, 0]): self = .int32
    case (0, [0x08, 0, 0], 8) where properties.starts(with: [0, 0, 64, 0]): self = .int64
    case (0, [0x00, 0, 0], 4) where properties.starts(with: [0, 0, 32, 0]): self = .uint32
    case (1, [0x20, 31, 0], 4) where properties.starts(with: [0, 0, 32, 0, 23, 8, 0, 23, 127, 0, 0, 0]): self = .float32
    case (3, _, 1...UInt64(UInt32.max)): self = .text(byteCount: Int(byteCount))
    default: self = .other
    }
  }

  /// Bytes of an element; nil for a type that is not known.
  var byteCount: Int? {
    switch self {
    case .float32, .int32, .uint32: 4
    case .int64: 8
    case .text(let byteCount): byteCount
    case .other: nil
    }
  }
}

/// The extents of a dataset or an attribute.
enum HDF5Dataspace: Equatable {
  case scalar, null
  case simple([UInt64])

  /// Source: the format specification, IV.A.2.b, version 2.
  init(_ bytes: ArraySlice<UInt8>) throws(CheckpointError) {
    var fields = HDF5Bytes(bytes)
    guard try fields.byte() == 2 else { throw CheckpointError("its shape is written in an unexpected version") }
    let rank = Int(try fields.byte())
    _ = try fields.byte()
    switch try fields.byte() {
    case 0 where rank == 0: self = .scalar
    case 1 where rank > 0:
      var extents: [UInt64] = []
      for _ in 0..<rank { extents.append(try fields.number(8)) }
      self = .simple(extents)
    case 2: self = .null
    default: throw CheckpointError("its shape is malformed")
    }
  }
}

/// A small value at a group or dataset.
struct HDF5Attribute {
  let name: String
  let type: HDF5Datatype
  let space: HDF5Dataspace
  let value: ArraySlice<UInt8>

  /// Source: the format specification, IV.A.2.m, version 3.
  init(_ message: HDF5Bytes) throws(CheckpointError) {
    var fields = message
    guard try fields.byte() == 3, try fields.byte() == 0 else {
      throw CheckpointError("an attribute is written in an unexpected version")
    }
    let nameBytes = Int(try fields.number(2))
    let typeBytes = Int(try fields.number(2))
    let spaceBytes = Int(try fields.number(2))
    _ = try fields.byte()
    guard let name = String(validating: try fields.take(nameBytes).dropLast(), as: UTF8.self) else {
      throw CheckpointError("an attribute's name is not UTF-8")
    }
    self.name = name
    type = try HDF5Datatype(fields.take(typeBytes))
    space = try HDF5Dataspace(fields.take(spaceBytes))
    value = try fields.take(fields.count)
  }

  /// The attributes of an object by their names.
  static func all(of header: HDF5ObjectHeader) throws(CheckpointError) -> [String: HDF5Attribute] {
    var attributes: [String: HDF5Attribute] = [:]
    for message in header.all(.attribute) {
      let attribute = try HDF5Attribute(message)
      guard attributes.updateValue(attribute, forKey: attribute.name) == nil else {
        throw CheckpointError("the attribute \(attribute.name) occurs twice")
      }
    }
    return attributes
  }
}

extension [String: HDF5Attribute] {
  /// The bytes of the scalar attribute `name` of exactly this type.
  func scalar(_ name: String, _ type: HDF5Datatype) throws(CheckpointError) -> HDF5Bytes {
    guard let attribute = self[name] else { throw CheckpointError("the attribute \(name) is missing") }
    guard attribute.space == .scalar else { throw CheckpointError("the attribute \(name) is not a single value") }
    guard attribute.type == type, attribute.value.count == type.byteCount else {
      throw CheckpointError("the attribute \(name) has another type than expected")
    }
    return HDF5Bytes(attribute.value)
  }
}

/// A name in a group and the object it leads to.
struct HDF5Link {
  let name: String
  let address: UInt64

  /// Source: the format specification, IV.A.2.g. Anything but a hard link is refused.
  init(_ message: HDF5Bytes, group: String) throws(CheckpointError) {
    var fields = message
    guard try fields.byte() == 1 else { throw CheckpointError("a link is written in an unexpected version") }
    let flags = try fields.byte()
    let type = flags & 0x08 != 0 ? try fields.byte() : 0
    if flags & 0x04 != 0 { _ = try fields.take(8) }
    if flags & 0x10 != 0 { _ = try fields.byte() }
    let nameBytes = try fields.number(1 << Int(flags & 3))
    guard nameBytes <= UInt64(CheckpointLayout.longestName),
      let name = String(validating: try fields.take(Int(nameBytes)), as: UTF8.self),
      !name.contains("/"), CheckpointLayout.flaw(in: name) == nil
    else { throw CheckpointError("something in the group /\(group) has a name that is not one of a tensor") }
    guard type == 0 else {
      throw CheckpointError(
        "/\(group) has a soft or external link named \(name): refused, a checkpoint has plain links only")
    }
    guard let address = try fields.address() else { throw CheckpointError("/\(group)/\(name) leads nowhere") }
    self.name = name
    self.address = address
  }
}
