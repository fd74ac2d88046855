import Tensors

/// The IDX format of the MNIST files: two zero bytes, an element type, a rank, big-endian extents, then the elements.
///
/// Source: LeCun, Cortes and Burges, "The MNIST database of handwritten digits". Only unsigned bytes are read.
package struct IDXFile: Sendable {
  package let path: String
  /// Extents, the number of samples first.
  package let dimensions: [Int]
  package let bytes: [UInt8]

  package static let defaultLimit = 4 << 30
  static let unsignedByte: UInt8 = 0x08
  static let largestRank = 4
  static let elementTypes: [UInt8: String] = [
    0x08: "unsigned byte", 0x09: "signed byte", 0x0B: "int16", 0x0C: "int32", 0x0D: "float32", 0x0E: "float64",
  ]

  package var count: Int { dimensions[0] }
  var headerBytes: Int { 4 + 4 * dimensions.count }

  /// Reads a file of unsigned bytes, raw or gzip, of at most `limit` bytes of elements.
  package init(reading path: String, ranks: ClosedRange<Int>, limit: Int = defaultLimit) throws(DataError) {
    var file = try InputFile(path: path)
    let magic = try file.read(4, "IDX header")
    guard magic[0] == 0, magic[1] == 0 else {
      let found = magic.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
      throw DataError(path, at: "byte 0", expected: "the IDX magic 00 00 08 and a rank", found: found)
    }
    guard magic[2] == Self.unsignedByte else {
      throw DataError(
        path, at: "byte 2", expected: "IDX element type 0x08 (unsigned byte)",
        found: "0x" + String(magic[2], radix: 16) + (Self.elementTypes[magic[2]].map { " (\($0))" } ?? ""),
        advice: "only unsigned bytes are read; store other types as HDF5")
    }
    guard ranks.contains(Int(magic[3])) else {
      let wanted =
        ranks.count == 1 ? "rank \(ranks.lowerBound)" : "a rank of \(ranks.lowerBound) to \(ranks.upperBound)"
      throw DataError(
        path, at: "byte 3", expected: wanted, found: "rank \(magic[3])",
        advice: magic[3] == 1 ? "this looks like a label file" : "this does not look like the file that is meant")
    }
    let extents = try file.read(4 * Int(magic[3]), "IDX extents")
    let dimensions = stride(from: 0, to: extents.count, by: 4).map { at in
      extents[at..<at + 4].reduce(0) { $0 << 8 | Int($1) }
    }
    guard let shape = TensorShape(checking: dimensions) else {
      throw DataError(path, at: "byte 4", expected: "extents of at least 1", found: "\(dimensions)")
    }
    guard shape.elementCount <= limit else {
      throw DataError(
        path, at: "byte 4", expected: "at most \(DataError.bytes(limit)) of elements",
        found: "\(shape), which is \(DataError.bytes(shape.elementCount))",
        advice: "raise max_bytes if the file is meant to be that large")
    }
    self.path = path
    self.dimensions = dimensions
    bytes = try file.read(shape.elementCount, "elements for \(shape)")
    try file.expectEnd()
  }
}
