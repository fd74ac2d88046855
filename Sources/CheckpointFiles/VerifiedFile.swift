import Foundation

/// A file whose bytes agree with the digest beside it; the file stays open, so that what is read is what was digested.
struct VerifiedFile: ~Copyable {
  let file: OpenFile
  let url: URL
  let digest: String
  let byteCount: Int

  /// Twice a file name of the longest kind, and the digest.
  private static let largestSidecar = 1_024

  /// Reads the whole file once. Nothing of it is interpreted.
  init(_ url: URL, calls: FileSystemCalls) throws(CheckpointError) {
    let file = try calls.open(url.path)
    let expected = try Self.sidecarDigest(of: url, calls: calls)
    let byteCount = try calls.size(of: file)
    var hash = SHA256()
    let block = FileBlock(byteCount: CheckpointFile.blockSize)
    try block.forEach(of: file, in: 0..<byteCount, calls: calls) { bytes, _ in hash.update(bytes) }
    let digest = hash.hexadecimal()
    guard digest == expected else {
      let sidecar = CheckpointFile.digestURL(of: url).lastPathComponent
      throw CheckpointError(
        "\(url.path) is damaged: its SHA-256 begins \(digest.prefix(12)), \(sidecar)"
          + " says \(expected.prefix(12))")
    }
    self.file = file
    self.url = url
    self.digest = digest
    self.byteCount = byteCount
  }

  /// Takes the digest from a line as `sha256sum` writes it, which must name this very file.
  private static func sidecarDigest(of url: URL, calls: FileSystemCalls) throws(CheckpointError) -> String {
    let path = CheckpointFile.digestURL(of: url).path
    guard try calls.exists(path) else {
      throw CheckpointError("\(url.path) cannot be trusted: \(path), which holds its SHA-256, is missing")
    }
    let bytes = try calls.contents(of: path, largest: largestSidecar)
    let digest = bytes.prefix(64)
    let isDigest = digest.count == 64 && digest.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    guard isDigest, bytes.dropFirst(64).elementsEqual("  \(url.lastPathComponent)\n".utf8) else {
      throw CheckpointError("\(path) is damaged: expected one line, \"<SHA-256>  \(url.lastPathComponent)\"")
    }
    return String(decoding: digest, as: UTF8.self)
  }
}

/// A piece of memory that a file is read through, block by block.
struct FileBlock: ~Copyable {
  private let memory: UnsafeMutableRawBufferPointer

  init(byteCount: Int) { memory = .allocate(byteCount: byteCount, alignment: 4_096) }

  deinit { memory.deallocate() }

  /// Calls `body` with each block of `range` and where it starts.
  func forEach(
    of file: borrowing OpenFile, in range: Range<Int>, calls: FileSystemCalls,
    _ body: (UnsafeRawBufferPointer, _ offset: Int) -> Void
  ) throws(CheckpointError) {
    var offset = range.lowerBound
    while offset < range.upperBound {
      let block = UnsafeMutableRawBufferPointer(rebasing: memory.prefix(range.upperBound - offset))
      try calls.read(block, from: file, at: offset)
      body(UnsafeRawBufferPointer(block), offset)
      offset += block.count
    }
  }
}
