import Files
import Foundation

/// A file whose bytes agree with the digest beside it; the file stays open, so that what is read is what was digested.
struct VerifiedFile: ~Copyable, Sendable {
  let file: OpenFile
  let url: URL
  let digest: String
  let byteCount: Int

  /// Twice a file name of the longest kind, and the digest.
  private static let largestSidecar = 1_024

  /// Reads the whole file once. Nothing of it is interpreted.
  init(_ url: URL, followsLinks: Bool = true, calls: FileSystemCalls) throws(CheckpointError) {
    let file = try CheckpointError.files { () throws(FileError) in
      try calls.open(url.path, followsLinks: followsLinks)
    }
    let expected = try Self.sidecarDigest(of: url, calls: calls)
    let byteCount: Int
    var hash = Digest.sha256()
    do throws(FileError) {
      byteCount = try calls.size(of: file)
      var block = FileBlock(byteCount: CheckpointFile.blockSize)
      try block.forEach(of: file, in: 0..<byteCount, calls: calls) { bytes, _ in hash.update(bytes) }
    } catch {
      throw CheckpointError(error)
    }
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
    let bytes = try CheckpointError.files { () throws(FileError) in
      try calls.exists(path) ? calls.contents(of: path, largest: largestSidecar) : nil
    }
    guard let bytes else {
      throw CheckpointError("\(url.path) cannot be trusted: \(path), which holds its SHA-256, is missing")
    }
    let digest = bytes.prefix(64)
    let isDigest = digest.count == 64 && digest.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    guard isDigest, bytes.dropFirst(64).elementsEqual("  \(url.lastPathComponent)\n".utf8) else {
      throw CheckpointError("\(path) is damaged: expected one line, \"<SHA-256>  \(url.lastPathComponent)\"")
    }
    return String(decoding: digest, as: UTF8.self)
  }
}
