import CZlib
import Files

/// A regular file read from front to back, unpacked on the way where it is gzip.
///
/// A file's header alone allocates nothing: the caller states a size, which is checked against the file's own.
struct InputFile: ~Copyable {
  let path: String
  /// Bytes on disk.
  let size: Int
  let isCompressed: Bool
  /// Unpacked bytes read so far.
  private(set) var offset = 0
  private let handle: gzFile

  /// Deflate cannot pack better than this (zlib's technical notes): 258 bytes from 2 bits.
  private static let bestRatio = 1_032

  init(path: String) throws(DataError) {
    let calls = FileSystemCalls.real
    let (size, descriptor) = try DataError.files { () throws(FileError) -> (Int, Int32) in
      let file = try calls.open(path)
      return (try calls.size(of: file), try calls.duplicate(file))
    }
    guard let handle = gzdopen(descriptor, "rb") else {
      throw DataError(path, expected: "memory for zlib", found: "none")
    }
    self.path = path
    self.size = size
    gzbuffer(handle, 1 << 17)
    isCompressed = gzdirect(handle) == 0
    self.handle = handle
  }

  deinit { gzclose(handle) }

  /// The most bytes that can still come out of the file, an upper bound when it is packed.
  var mostRemaining: Int {
    guard isCompressed else { return max(0, size - offset) }
    let (most, overflow) = size.multipliedReportingOverflow(by: Self.bestRatio)
    return overflow ? .max : most
  }

  /// Exactly `count` bytes, which are `what` in messages.
  mutating func read(_ count: Int, _ what: String) throws(DataError) -> [UInt8] {
    guard count <= mostRemaining else {
      throw DataError(
        path, at: "byte \(offset)", expected: "\(count) bytes of \(what)", found: "at most \(mostRemaining)",
        advice: "the file is truncated or its header is wrong")
    }
    let bytes = try rest(atMost: count)
    guard bytes.count == count else {
      throw DataError(
        path, at: "byte \(offset)", expected: "\(count) bytes of \(what)", found: "the end after \(bytes.count)",
        advice: "the file is truncated")
    }
    return bytes
  }

  /// The rest, if that is not more than `limit` bytes.
  ///
  /// - Parameter check: refuses a piece before more is unpacked.
  mutating func rest(
    limit: Int, check: ([UInt8]) throws(DataError) -> Void = { (_) throws(DataError) in }
  ) throws(DataError) -> [UInt8] {
    var bytes: [UInt8] = []
    let step = 1 << 20
    bytes.reserveCapacity(min(limit, isCompressed ? step : mostRemaining))
    while true {
      let piece = try rest(atMost: step)
      guard bytes.count + piece.count <= limit else {
        throw DataError(
          path, expected: "at most \(DataError.bytes(limit))", found: "more",
          advice: "raise max_bytes if the file is meant to be that large")
      }
      try check(piece)
      bytes += piece
      if piece.count < step { return bytes }
    }
  }

  /// Up to `count` bytes, fewer where the file ends.
  mutating func rest(atMost count: Int) throws(DataError) -> [UInt8] {
    var failure: String?
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      filled = fill(UnsafeMutableRawBufferPointer(buffer), failure: &failure)
    }
    if let failure { throw damaged(failure) }
    return bytes
  }

  /// Refuses further bytes.
  mutating func expectEnd() throws(DataError) {
    let extra = try rest(atMost: 1).count
    guard extra == 0 else {
      throw DataError(
        path, at: "byte \(offset - extra)", expected: "the end of the file", found: "trailing bytes",
        advice: "the header's counts do not match the file")
    }
  }

  private func damaged(_ reason: String) -> DataError {
    DataError(
      path, at: "byte \(offset)", expected: isCompressed ? "intact gzip data" : "readable data", found: reason,
      advice: "the file is truncated or damaged")
  }

  /// Reads until `buffer` is full or the file ends; returns the bytes read.
  private mutating func fill(_ buffer: UnsafeMutableRawBufferPointer, failure: inout String?) -> Int {
    var filled = 0
    while filled < buffer.count, let base = buffer.baseAddress {
      let piece = min(buffer.count - filled, 1 << 28)
      let got = Int(gzread(handle, base + filled, UInt32(piece)))
      if got > 0 { filled += got }
      if got < piece {
        var code: Int32 = 0
        let text = gzerror(handle, &code)
        if code != Z_OK && code != Z_STREAM_END {
          failure = text.map { String(cString: $0) } ?? "zlib error \(code)"
        }
        break
      }
    }
    offset += filled
    return filled
  }
}
