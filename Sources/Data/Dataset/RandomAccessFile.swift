import Files

/// A file of which any part can be read; no read reaches beyond its end.
final class RandomAccessFile: Sendable {
  let size: Int
  private let file: OpenFile

  var path: String { file.path }

  init(path: String) throws(DataError) {
    do throws(FileError) {
      let file = try FileSystemCalls.real.open(path)
      size = try FileSystemCalls.real.size(of: file)
      self.file = file
    } catch {
      throw DataError(error)
    }
  }

  /// `count` bytes from `offset`, which must lie inside the file.
  func bytes(at offset: UInt64, count: UInt64) throws(DataError) -> [UInt8] {
    var bytes: [UInt8] = []
    try read(at: offset, count: count, into: &bytes)
    return bytes
  }

  /// Reads over `bytes`, whose memory is used again where it is large enough.
  func read(at offset: UInt64, count: UInt64, into bytes: inout [UInt8]) throws(DataError) {
    let (end, overflow) = offset.addingReportingOverflow(count)
    guard !overflow, end <= UInt64(size) else {
      throw DataError(
        path, at: "byte \(offset)", expected: "\(count) bytes", found: "the file's end at \(size)",
        advice: "the file is truncated or damaged")
    }
    let wanted = Int(count)
    bytes.removeAll(keepingCapacity: true)
    bytes.append(contentsOf: repeatElement(0, count: wanted))
    do throws(FileError) {
      try FileSystemCalls.real.read(&bytes, 0..<wanted, from: file, at: Int(offset))
    } catch {
      throw DataError(error)
    }
  }
}
