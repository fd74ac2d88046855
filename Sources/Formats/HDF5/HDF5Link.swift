/// A name in a group and the object it leads to.
package struct HDF5Link {
  package enum Target: Equatable {
    case object(at: UInt64)
    /// A soft or external link.
    case elsewhere
  }

  /// As they are written: UTF-8 in honest files.
  package let nameBytes: [UInt8]
  package let target: Target

  package var name: String { String(decoding: nameBytes, as: UTF8.self) }

  init(nameBytes: some Sequence<UInt8>, target: Target) {
    self.nameBytes = Array(nameBytes)
    self.target = target
  }

  /// A link that is written in the header of its group. Source: the format specification, IV.A.2.g.
  package init(_ message: HDF5Block) throws(HDF5Error) {
    var fields = message
    let version = try fields.byte()
    guard version == 1 else { throw fields.damaged("a link of version 1", "\(version)") }
    let flags = try fields.byte()
    let kind = flags & 0x08 != 0 ? try fields.byte() : 0
    try fields.skip((flags & 0x04 != 0 ? 8 : 0) + (flags & 0x10 != 0 ? 1 : 0))
    let length = try fields.number(1 << Int(flags & 3))
    nameBytes = Array(try fields.take(Int(clamping: length)))
    target = kind == 0 ? .object(at: try fields.word()) : .elsewhere
  }
}

extension HDF5ObjectHeader {
  /// Whether a group keeps links outside its header. Source: the format specification, IV.A.2.c.
  package func hasIndexedLinks() throws(HDF5Error) -> Bool {
    for message in all(.linkInfo) {
      var fields = message
      try fields.skip(1)
      try fields.skip(try fields.byte() & 1 != 0 ? 8 : 0)
      if try fields.word() != HDF5Block.undefined { return true }
    }
    return false
  }
}
