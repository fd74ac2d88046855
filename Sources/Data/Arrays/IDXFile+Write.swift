import CZlib
import Files
import Glibc
import Tensors

extension IDXFile {
  /// Writes elements as a gzip IDX file: the same bytes for the same elements.
  ///
  /// The file gets its name only when all of it is on disk.
  /// - Parameters:
  ///   - dimensions: extents, the number of samples first.
  ///   - replacing: whether an existing file is replaced instead of refused.
  package static func write(
    _ bytes: [UInt8], dimensions: [Int], to path: String, replacing: Bool = false
  ) throws(DataError) {
    precondition(TensorShape(checking: dimensions)?.elementCount == bytes.count && dimensions.count <= largestRank)
    guard let extents = extentBytes(dimensions) else {
      throw DataError(path, expected: "extents below 2³²", found: "\(dimensions)")
    }
    guard replacing || access(path, F_OK) != 0 else {
      throw DataError(path, expected: "a new file", found: "one of that name", advice: "remove it or choose another")
    }
    let header: [UInt8] = [0, 0, unsignedByte, UInt8(dimensions.count)] + extents
    try DataError.files { () throws(FileError) in
      var replacement = try ReplacementFile(for: path)
      // zlib closes a descriptor of its own.
      guard let file = gzdopen(try FileSystemCalls.real.duplicate(replacement.file), "wb6") else {
        throw FileError(path, "write", reason: "zlib has no memory")
      }
      let isWritten = write(header, to: file) && write(bytes, to: file)
      let status = gzclose(file)
      guard status == Z_OK, isWritten else {
        throw FileError(path, "write", reason: errno == 0 ? "zlib error \(status)" : String(cString: strerror(errno)))
      }
      try replacement.commit()
    }
  }

  private static func extentBytes(_ dimensions: [Int]) -> [UInt8]? {
    var bytes: [UInt8] = []
    for extent in dimensions {
      guard let word = UInt32(exactly: extent) else { return nil }
      bytes += stride(from: 24, through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> $0) }
    }
    return bytes
  }

  private static func write(_ bytes: [UInt8], to file: gzFile) -> Bool {
    let piece = 1 << 28
    return bytes.withUnsafeBytes { buffer in
      guard let base = buffer.baseAddress else { return true }
      return stride(from: 0, to: buffer.count, by: piece).allSatisfy { start in
        let count = min(piece, buffer.count - start)
        return Int(gzwrite(file, base + start, UInt32(count))) == count
      }
    }
  }
}

/// The names under which `troupe dataset make` writes a set of images and labels.
package enum IDXFolder {
  package static let images = "images-idx3-ubyte.gz"
  package static let colorImages = "images-idx4-ubyte.gz"
  package static let labels = "labels-idx1-ubyte.gz"

  /// Writes images and their labels as two gzip IDX files into `folder`, which is made if needed.
  ///
  /// - Parameters:
  ///   - pixels: [count, height, width], or [count, height, width, channels].
  ///   - labels: [count], each 0…255.
  package static func write(
    pixels: [UInt8], height: Int, width: Int, channels: Int = 1, labels: [UInt8], to folder: String,
    replacing: Bool = false
  ) throws(DataError) {
    try DataError.files { () throws(FileError) in try FileSystemCalls.real.makeFolder(folder) }
    let images = channels == 1 ? self.images : colorImages
    let extents = [labels.count, height, width] + (channels == 1 ? [] : [channels])
    for name in [images, self.labels] where !replacing && access("\(folder)/\(name)", F_OK) == 0 {
      throw DataError("\(folder)/\(name)", expected: "a new file", found: "one of that name")
    }
    try IDXFile.write(pixels, dimensions: extents, to: "\(folder)/\(images)", replacing: replacing)
    try IDXFile.write(labels, dimensions: [labels.count], to: "\(folder)/\(self.labels)", replacing: replacing)
  }
}
