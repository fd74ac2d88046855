import CZlib

/// What zlib packs and unpacks.
package enum Deflate {
  /// Deflate cannot pack better than this (zlib's technical notes): 258 bytes from 2 bits.
  package static let bestRatio = 1032

  /// The unpacked bytes; nil for data that are damaged or more than `most` bytes.
  static func inflated(_ packed: [UInt8], atMost most: Int) -> [UInt8]? {
    var status: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: most) { buffer, filled in
      var count = uLongf(buffer.count)
      status = uncompress(buffer.baseAddress, &count, packed, uLong(packed.count))
      filled = status == Z_OK ? Int(count) : 0
    }
    return status == Z_OK ? bytes : nil
  }
}
