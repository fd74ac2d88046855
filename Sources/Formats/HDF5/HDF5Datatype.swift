/// The element types that data sets and checkpoints have.
package enum HDF5Datatype: Equatable {
  case integer(byteCount: Int, isSigned: Bool, isBigEndian: Bool = false)
  /// IEEE 754: binary16, binary32 or binary64.
  case float(byteCount: Int, isBigEndian: Bool = false)
  /// Of a fixed number of bytes.
  case text(byteCount: Int)
  case other

  package static let float32 = HDF5Datatype.float(byteCount: 4)
  package static let int32 = HDF5Datatype.integer(byteCount: 4, isSigned: true)
  package static let int64 = HDF5Datatype.integer(byteCount: 8, isSigned: true)
  package static let uint32 = HDF5Datatype.integer(byteCount: 4, isSigned: false)

  /// Source: the format specification, IV.A.2.d.
  package init(_ message: HDF5Block) throws(HDF5Error) {
    var fields = message
    let versionAndClass = try fields.byte()
    let bits = Array(try fields.take(3))
    let byteCount = Int(try fields.number(4))
    let properties = Array(try fields.take(fields.remaining))
    // Every bit of an element belongs to its value.
    let isWhole = properties.starts(with: Self.whole(byteCount))
    let isBigEndian = bits[0] & 0x01 != 0
    switch versionAndClass & 0x0F {
    case 0 where isWhole && [1, 2, 4, 8].contains(byteCount):
      self = .integer(byteCount: byteCount, isSigned: bits[0] & 0x08 != 0, isBigEndian: isBigEndian)
    case 1 where isWhole && bits[0] & 0x70 == 0x20 && Int(bits[1]) == byteCount * 8 - 1:
      let isKnown = Self.floatLayouts[byteCount].map { properties.dropFirst(4).starts(with: $0) } ?? false
      self = isKnown ? .float(byteCount: byteCount, isBigEndian: isBigEndian) : .other
    case 3 where byteCount > 0: self = .text(byteCount: byteCount)
    default: self = .other
    }
  }

  /// Bit offset 0 and a precision of all bits.
  private static func whole(_ byteCount: Int) -> [UInt8] {
    [0, 0] + HDF5Message.littleEndian(UInt16(truncatingIfNeeded: byteCount * 8), 2)
  }

  /// By the bytes of an element: where the exponent starts, its bits, the same of the mantissa, and the bias.
  private static let floatLayouts: [Int: [UInt8]] = [
    2: [10, 5, 0, 10, 15, 0, 0, 0], 4: [23, 8, 0, 23, 127, 0, 0, 0], 8: [52, 11, 0, 52, 0xFF, 3, 0, 0],
  ]

  /// The message that describes the type, version 1.
  var encoded: [UInt8] {
    switch self {
    case .integer(let byteCount, let isSigned, false):
      [0x10, isSigned ? 0x08 : 0, 0, 0] + HDF5Message.littleEndian(byteCount, 4) + Self.whole(byteCount)
    case .float(let byteCount, false):
      [0x11, 0x20, UInt8(byteCount * 8 - 1), 0] + HDF5Message.littleEndian(byteCount, 4) + Self.whole(byteCount)
        + (Self.floatLayouts[byteCount] ?? [])
    // Padded with NUL, UTF-8.
    case .text(let byteCount): [0x13, 0x11, 0, 0] + HDF5Message.littleEndian(byteCount, 4)
    case .integer, .float, .other: preconditionFailure("only types that a checkpoint has are written")
    }
  }

  /// Bytes of an element; nil for a type that is not known.
  package var byteCount: Int? {
    switch self {
    case .integer(let byteCount, _, _), .float(let byteCount, _), .text(let byteCount): byteCount
    case .other: nil
    }
  }

  var isBigEndian: Bool {
    switch self {
    case .integer(_, _, let isBigEndian), .float(_, let isBigEndian): isBigEndian
    case .text, .other: false
    }
  }

  /// For people: "float64", "uint8", …
  package var name: String {
    switch self {
    case .integer(let byteCount, let isSigned, _): "\(isSigned ? "int" : "uint")\(byteCount * 8)"
    case .float(let byteCount, _): "float\(byteCount * 8)"
    case .text: "text"
    case .other: "another type"
    }
  }
}
