/// Writes protocol-buffer wire format: varints, fixed 32 and 64 bits, and length-delimited fields.
struct ProtoBuffer {
  private(set) var bytes: [UInt8] = []

  /// Keeps the memory for the next message.
  mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

  private enum WireType: UInt64 {
    case varint = 0
    case fixed64 = 1
    case delimited = 2
    case fixed32 = 5
  }

  private mutating func key(_ field: Int, _ type: WireType) {
    varint(UInt64(field) << 3 | type.rawValue)
  }

  private mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  mutating func fixed(_ value: UInt32) {
    for shift in stride(from: 0, to: 32, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value >> UInt32(shift))) }
  }

  mutating func fixed(_ value: UInt64) {
    for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(shift))) }
  }

  mutating func field(_ number: Int, _ value: Int) {
    key(number, .varint)
    varint(UInt64(bitPattern: Int64(value)))
  }

  mutating func field(_ number: Int, _ value: Double) {
    key(number, .fixed64)
    fixed(value.bitPattern)
  }

  mutating func field(_ number: Int, _ value: Float) {
    key(number, .fixed32)
    fixed(value.bitPattern)
  }

  mutating func field(_ number: Int, _ value: String) {
    key(number, .delimited)
    varint(UInt64(value.utf8.count))
    bytes.append(contentsOf: value.utf8)
  }

  mutating func field(_ number: Int, bytes value: [UInt8]) {
    key(number, .delimited)
    varint(UInt64(value.count))
    bytes.append(contentsOf: value)
  }

  mutating func field(_ number: Int, packed values: [Double]) {
    key(number, .delimited)
    varint(UInt64(values.count * 8))
    for value in values { fixed(value.bitPattern) }
  }

  /// A nested message: built in place, then moved on by the length in front of it.
  mutating func field(_ number: Int, _ build: (inout ProtoBuffer) -> Void) {
    key(number, .delimited)
    let start = bytes.count
    build(&self)
    let end = bytes.count
    varint(UInt64(end - start))
    // The length now stands behind the message: rotate it to the front, byte by byte.
    for position in end..<bytes.count {
      let byte = bytes.remove(at: position)
      bytes.insert(byte, at: start + position - end)
    }
  }
}
