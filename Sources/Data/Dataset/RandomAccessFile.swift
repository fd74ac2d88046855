import Glibc

enum RegularFile {
  /// Opens a file for reading; folders, pipes and devices are refused.
  ///
  /// - Returns: the descriptor, which the caller closes, and the file's bytes.
  static func open(_ path: String) throws(DataError) -> (descriptor: Int32, size: Int) {
    // O_NONBLOCK: opening a pipe must not wait for a writer.
    let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw DataError(path, expected: "a readable file", found: String(cString: strerror(errno)))
    }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw DataError(path, expected: "a regular file", found: "a folder, pipe or device")
    }
    return (descriptor, Int(status.st_size))
  }
}

/// A file of which any part can be read; no read reaches beyond its end.
final class RandomAccessFile: Sendable {
  let path: String
  let size: Int
  private let descriptor: Int32

  init(path: String) throws(DataError) {
    self.path = path
    (descriptor, size) = try RegularFile.open(path)
  }

  deinit { close(descriptor) }

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
    let filled = bytes.withUnsafeMutableBufferPointer { buffer in
      var filled = 0
      while filled < wanted, let base = buffer.baseAddress {
        let got = pread(descriptor, base + filled, wanted - filled, Int(offset) + filled)
        if got < 0, errno == EINTR { continue }
        guard got > 0 else { break }
        filled += got
      }
      return filled
    }
    guard filled == wanted else {
      throw DataError(path, at: "byte \(offset)", expected: "\(count) bytes", found: "\(filled) that can be read")
    }
  }
}
