import CCrypto

/// A digest by OpenSSL, which uses the processor's instructions, fed piece by piece.
package struct Digest: ~Copyable {
  package enum Algorithm {
    /// SHA-256 (FIPS 180-4).
    case sha256
    /// MD5 (RFC 1321), which detects damage, not malice.
    case md5
  }

  private let context: OpaquePointer

  /// Nil where OpenSSL's settings forbid the algorithm.
  package init?(_ algorithm: Algorithm) {
    let type = algorithm == .sha256 ? EVP_sha256() : EVP_md5()
    guard let context = EVP_MD_CTX_new() else { return nil }
    guard EVP_DigestInit_ex(context, type, nil) == 1 else {
      EVP_MD_CTX_free(context)
      return nil
    }
    self.context = context
  }

  /// A SHA-256.
  package static func sha256() -> Digest {
    // OpenSSL fails here only without memory or without its default provider: no run could work then.
    guard let digest = Digest(.sha256) else { preconditionFailure("OpenSSL offers no SHA-256") }
    return digest
  }

  deinit { EVP_MD_CTX_free(context) }

  package mutating func update(_ bytes: RawSpan) {
    let status = bytes.withUnsafeBytes { EVP_DigestUpdate(context, $0.baseAddress, $0.count) }
    precondition(status == 1, "OpenSSL's digest failed")
  }

  /// The digest of everything fed so far, in lowercase hexadecimal digits.
  package consuming func hexadecimal() -> String {
    var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
    var count: UInt32 = 0
    precondition(EVP_DigestFinal_ex(context, &digest, &count) == 1, "OpenSSL's digest failed")
    let digits = Array("0123456789abcdef".utf8)
    return String(
      decoding: digest.prefix(Int(count)).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}

extension Digest {
  /// The SHA-256 of `bytes` as 64 lowercase hexadecimal digits.
  package static func sha256(_ bytes: RawSpan) -> String {
    var digest = sha256()
    digest.update(bytes)
    return digest.hexadecimal()
  }

  package static func sha256(_ bytes: [UInt8]) -> String { sha256(bytes.span.bytes) }

  /// Bytes that are read and digested at once.
  private static let blockSize = 1 << 20

  /// Feeds a whole file.
  package mutating func update(
    _ file: borrowing OpenFile, blockSize: Int = Self.blockSize, calls: FileSystemCalls = .real
  ) throws(FileError) {
    var block = FileBlock(byteCount: blockSize)
    try block.forEach(of: file, in: 0..<calls.size(of: file), calls: calls) { bytes, _ in update(bytes) }
  }
}
