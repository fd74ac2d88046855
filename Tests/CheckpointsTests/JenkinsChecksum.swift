/// The checksum of HDF5's structures: Bob Jenkins' lookup3 (burtleburtle.net/bob/c/lookup3.c, `hashlittle`, 2006).
func jenkinsChecksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
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
