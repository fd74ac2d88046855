extension HDF5Dataset {
  /// Undoes the filters of a chunk; bit i of `mask` says that filter i was left out.
  func unpack(_ stored: [UInt8], mask: UInt64, chunkBytes: Int) throws(HDF5Error) -> [UInt8] {
    let checksumBytes = 4
    var bytes = stored
    for (position, filter) in filters.enumerated().reversed() where mask >> UInt64(position) & 1 == 0 {
      switch filter {
      case .fletcher32:
        guard bytes.count >= checksumBytes else { throw refused("a chunk with its checksum", "\(bytes.count) bytes") }
        bytes.removeLast(checksumBytes)
      case .deflate:
        // A checksum may still follow the elements.
        guard let plain = Deflate.inflated(bytes, atMost: chunkBytes + checksumBytes) else {
          throw refused("gzip data of \(chunkBytes) bytes", "other data")
        }
        bytes = plain
      case .shuffle: bytes = unshuffled(bytes)
      }
    }
    guard bytes.count == chunkBytes else { throw refused("chunks of \(chunkBytes) bytes", "one of \(bytes.count)") }
    return bytes
  }

  /// Byte 0 of all elements, then byte 1, …, put back together.
  private func unshuffled(_ bytes: [UInt8]) -> [UInt8] {
    let width = elementBytes
    let count = bytes.count / width
    var plain = bytes
    for element in 0..<count {
      for byte in 0..<width { plain[element * width + byte] = bytes[byte * count + element] }
    }
    return plain
  }
}
