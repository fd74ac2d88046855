import Files
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
    var block = FileBlock(byteCount: CheckpointFile.blockSize)
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
struct FileBlock {
  private var memory: [UInt8]

  init(byteCount: Int) { memory = [UInt8](repeating: 0, count: byteCount) }

  /// Calls `body` with each block of `range` and where it starts.
  mutating func forEach(
    of file: borrowing OpenFile, in range: Range<Int>, calls: FileSystemCalls,
    _ body: (RawSpan, _ offset: Int) -> Void
  ) throws(CheckpointError) {
    for offset in stride(from: range.lowerBound, to: range.upperBound, by: memory.count) {
      let block = 0..<min(memory.count, range.upperBound - offset)
      var span = memory.mutableSpan
      var bytes = span.mutableBytes
      try calls.read(&bytes, block, from: file, at: offset)
      body(memory.span.extracting(block).bytes, offset)
    }
  }
}
