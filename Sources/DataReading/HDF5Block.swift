/// A piece of an HDF5 file that is read field by field, little-endian; no field reaches beyond the piece.
struct HDF5Block {
  let path: String
  /// Where the piece starts in the file, for messages.
  let start: UInt64
  let bytes: [UInt8]
  private(set) var position = 0

  init(path: String, start: UInt64, bytes: [UInt8]) {
    self.path = path
    self.start = start
    self.bytes = bytes
  }

  var remaining: Int { bytes.count - position }

  mutating func take(_ count: Int) throws(DataError) -> ArraySlice<UInt8> {
    guard count >= 0, count <= remaining else {
      throw damaged("\(count) more bytes", "\(remaining)")
    }
    position += count
    return bytes[position - count..<position]
  }

  mutating func skip(_ count: Int) throws(DataError) { _ = try take(count) }

  /// An unsigned number of 1 to 8 bytes.
  mutating func number(_ byteCount: Int) throws(DataError) -> UInt64 {
    try take(byteCount).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  mutating func byte() throws(DataError) -> UInt8 { UInt8(truncatingIfNeeded: try number(1)) }

  mutating func expect(_ signature: String) throws(DataError) {
    let found = try take(signature.utf8.count)
    guard found.elementsEqual(signature.utf8) else { throw damaged("the signature \(signature)", "\(Array(found))") }
  }

  func damaged(_ expected: String, _ found: String, _ advice: String = "the file is damaged") -> DataError {
    DataError(path, at: "byte \(start + UInt64(position))", expected: expected, found: found, advice: advice)
  }
}
