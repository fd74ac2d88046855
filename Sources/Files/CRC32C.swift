import CPlatform

/// The Castagnoli CRC (RFC 3720, appendix B.4), in hardware where there is any.
package enum CRC32C {
  /// The checksum of `bytes`, continued from that of the bytes before them.
  package static func checksum(_ bytes: RawSpan, from crc: UInt32 = 0) -> UInt32 {
    bytes.withUnsafeBytes { troupe_crc32c(crc, $0.baseAddress, $0.count) }
  }
}
