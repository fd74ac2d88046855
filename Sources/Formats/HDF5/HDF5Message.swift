/// The header messages of a checkpoint's groups and datasets, as HDF5 1.10 writes them for its 1.8 format.
///
/// Source: "HDF5 File Format Specification Version 2.0", IV.A.2.
package struct HDF5Message {
  let kind: HDF5ObjectHeader.Kind
  let flags: UInt8
  let bytes: [UInt8]

  /// The message never changes.
  private static let constant: UInt8 = 0x01
  /// HDF5 may meet this message without knowing it.
  private static let optional: UInt8 = 0x04
  private static let nowhere = [UInt8](repeating: 0xFF, count: 8)

  private init(_ kind: HDF5ObjectHeader.Kind, flags: UInt8 = 0, _ bytes: [UInt8]) {
    self.kind = kind
    self.flags = flags
    self.bytes = bytes
  }

  /// Links are kept in the group's header.
  package static let linkInfo = HDF5Message(.linkInfo, [0, 0] + nowhere + nowhere)
  /// However many there are.
  package static let groupInfo = HDF5Message(.groupInfo, flags: constant, [0, 1, 0xFF, 0xFF, 0xFF, 0xFF])
  /// Attributes are kept in the object's header.
  package static let attributeInfo = HDF5Message(.attributeInfo, flags: optional, [0, 0] + nowhere + nowhere)
  /// Room is reserved early and never filled.
  package static let fillValue = HDF5Message(.fillValue, flags: constant, [3, 5])

  package static func link(_ name: String, to address: Int) -> HDF5Message {
    // The width of the name's length: two bytes, flag 1.
    HDF5Message(.link, [1, 1] + littleEndian(name.utf8.count, 2) + Array(name.utf8) + littleEndian(address, 8))
  }

  package static func dataspace(_ dimensions: [Int]) -> HDF5Message { HDF5Message(.dataspace, space(dimensions)) }

  package static func datatype(_ type: HDF5Datatype) -> HDF5Message {
    HDF5Message(.datatype, flags: constant, type.encoded)
  }

  package static func layout(offset: Int, byteCount: Int) -> HDF5Message {
    HDF5Message(.layout, [3, 1] + littleEndian(offset, 8) + littleEndian(byteCount, 8))
  }

  /// A single value.
  package static func attribute(_ name: String, _ type: HDF5Datatype, value: [UInt8]) -> HDF5Message {
    let nameBytes = Array(name.utf8) + [0]
    let space = space([])
    let sizes = [nameBytes.count, type.encoded.count, space.count].flatMap { littleEndian($0, 2) }
    return HDF5Message(.attribute, [3, 0] + sizes + [0] + nameBytes + type.encoded + space + value)
  }

  private static func space(_ dimensions: [Int]) -> [UInt8] {
    // No largest extents; type 0 is a scalar, 1 has extents.
    [2, UInt8(dimensions.count), 0, dimensions.isEmpty ? 0 : 1] + dimensions.flatMap { littleEndian($0, 8) }
  }

  package static func littleEndian(_ value: some FixedWidthInteger, _ byteCount: Int) -> [UInt8] {
    (0..<byteCount).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
  }
}

extension HDF5ObjectHeader {
  /// A header of version 2 in one chunk, with its checksum.
  package static func encoded(_ messages: [HDF5Message]) -> [UInt8] {
    var body: [UInt8] = []
    for message in messages {
      body += [message.kind.rawValue] + HDF5Message.littleEndian(message.bytes.count, 2) + [message.flags]
      body += message.bytes
    }
    // Flag 2: the chunk's size takes four bytes. No times, so that equal contents are equal files.
    let header = Array("OHDR".utf8) + [2, 2] + HDF5Message.littleEndian(body.count, 4) + body
    return header + HDF5Message.littleEndian(jenkinsChecksum(header[...]), 4)
  }
}
