/// A piece of an HDF5 file that is read field by field, little-endian; no field reaches beyond the piece.
package struct HDF5Block {
  /// Sizes of addresses and lengths; other sizes exist in theory.
  package static let wordBytes = 8
  /// The address of what is nowhere.
  package static let undefined = UInt64.max

  /// Where the piece starts in the file, for messages.
  let start: UInt64
  package let bytes: [UInt8]
  private(set) var position = 0

  package init(start: UInt64, bytes: [UInt8]) {
    self.start = start
    self.bytes = bytes
  }

  package var remaining: Int { bytes.count - position }

  package mutating func take(_ count: Int) throws(HDF5Error) -> ArraySlice<UInt8> {
    guard count >= 0, count <= remaining else { throw damaged("\(count) more bytes", "\(remaining)") }
    position += count
    return bytes[position - count..<position]
  }

  package mutating func skip(_ count: Int) throws(HDF5Error) { _ = try take(count) }

  /// An unsigned number of 1 to 8 bytes.
  package mutating func number(_ byteCount: Int) throws(HDF5Error) -> UInt64 {
    try take(byteCount).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  package mutating func byte() throws(HDF5Error) -> UInt8 { UInt8(truncatingIfNeeded: try number(1)) }

  /// An address or a length.
  package mutating func word() throws(HDF5Error) -> UInt64 { try number(Self.wordBytes) }

  /// The next `count` bytes as a piece of their own.
  package mutating func block(_ count: Int) throws(HDF5Error) -> HDF5Block {
    let start = start + UInt64(position)
    return HDF5Block(start: start, bytes: Array(try take(count)))
  }

  mutating func expect(_ signature: String) throws(HDF5Error) {
    let found = try take(signature.utf8.count)
    guard found.elementsEqual(signature.utf8) else { throw damaged("the signature \(signature)", "\(Array(found))") }
  }

  func damaged(_ expected: String, _ found: String, _ advice: String = "the file is damaged") -> HDF5Error {
    .flaw(expected, found, at: "byte \(start + UInt64(position))", advice: advice)
  }
}
