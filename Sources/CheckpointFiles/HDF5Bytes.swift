/// A view into a file's structures that is read from front to back; it never reads beyond its end.
struct HDF5Bytes {
  private let bytes: ArraySlice<UInt8>
  private var position: Int

  init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    position = bytes.startIndex
  }

  var count: Int { bytes.endIndex - position }

  /// The next `count` bytes.
  mutating func take(_ count: Int) throws(CheckpointError) -> ArraySlice<UInt8> {
    guard count >= 0, count <= self.count else { throw CheckpointError("a structure ends too early") }
    defer { position += count }
    return bytes[position..<position + count]
  }

  /// The next `count` bytes, up to 8, as a little-endian number.
  mutating func number(_ count: Int) throws(CheckpointError) -> UInt64 {
    try take(count).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  mutating func byte() throws(CheckpointError) -> UInt8 { UInt8(try number(1)) }

  /// An address or length of 8 bytes; nil for HDF5's "nowhere", which is all ones.
  mutating func address() throws(CheckpointError) -> UInt64? {
    let value = try number(8)
    return value == .max ? nil : value
  }
}

/// The checksum of HDF5's structures: Bob Jenkins' lookup3 (burtleburtle.net/bob/c/lookup3.c, `hashlittle`, 2006).
package func jenkinsChecksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
  func rotate(_ x: UInt32, _ k: UInt32) -> UInt32 { x << k | x >> (32 - k) }
  var (a, b, c) = (0xDEAD_BEEF &+ UInt32(truncatingIfNeeded: bytes.count), UInt32(0), UInt32(0))
  (b, c) = (a, a)
  var position = bytes.startIndex

  func add(upTo count: Int) {
    for index in 0..<min(count, 12) {
      let value = UInt32(bytes[position + index]) << UInt32(index % 4 * 8)
      switch index / 4 {
      case 0: a &+= value
      case 1: b &+= value
      default: c &+= value
      }
    }
  }

  while bytes.endIndex - position > 12 {
    add(upTo: 12)
    a = (a &- c) ^ rotate(c, 4)
    c &+= b
    b = (b &- a) ^ rotate(a, 6)
    a &+= c
    c = (c &- b) ^ rotate(b, 8)
    b &+= a
    a = (a &- c) ^ rotate(c, 16)
    c &+= b
    b = (b &- a) ^ rotate(a, 19)
    a &+= c
    c = (c &- b) ^ rotate(b, 4)
    b &+= a
    position += 12
  }
  guard position < bytes.endIndex else { return c }
  add(upTo: bytes.endIndex - position)
  c = (c ^ b) &- rotate(b, 14)
  a = (a ^ c) &- rotate(c, 11)
  b = (b ^ a) &- rotate(a, 25)
  c = (c ^ b) &- rotate(b, 16)
  a = (a ^ c) &- rotate(c, 4)
  b = (b ^ a) &- rotate(a, 14)
  return (c ^ b) &- rotate(b, 24)
}
