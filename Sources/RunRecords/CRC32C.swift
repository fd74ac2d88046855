/// The Castagnoli CRC that TensorBoard's records carry (RFC 3720, appendix B.4): reflected polynomial 0x82F63B78.
package struct CRC32C {
  private let table: [UInt32]

  package init() {
    table = (0..<256).map { byte in
      (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 == 1 ? 0x82F6_3B78 ^ (value >> 1) : value >> 1 }
    }
  }

  package func checksum(_ bytes: Span<UInt8>) -> UInt32 {
    var value = UInt32.max
    for index in bytes.indices {
      value = table[Int((value ^ UInt32(bytes[index])) & 0xFF)] ^ (value >> 8)
    }
    return ~value
  }

  /// The checksum as TFRecord stores it: rotated and shifted, so that a CRC over data with CRCs stays good.
  package func masked(_ bytes: Span<UInt8>) -> UInt32 {
    let value = checksum(bytes)
    return ((value >> 15) | (value << 17)) &+ 0xA282_EAD8
  }
}
