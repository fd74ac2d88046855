import CCrypto

/// SHA-256 (FIPS 180-4), by OpenSSL, which uses the processor's SHA instructions.
package enum Digest {
  /// The digest of `bytes` as 64 lowercase hexadecimal digits.
  package static func sha256(_ bytes: RawSpan) -> String {
    var hash = SHA256()
    hash.update(bytes)
    return hash.hexadecimal()
  }

  package static func sha256(_ bytes: [UInt8]) -> String { sha256(bytes.span.bytes) }
}

/// A SHA-256 that is fed piece by piece.
package struct SHA256: ~Copyable {
  private let context: OpaquePointer

  package init() {
    // OpenSSL fails here only without memory or without its default provider: nothing a run could go on with.
    guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
      preconditionFailure("OpenSSL offers no SHA-256")
    }
    self.context = context
  }

  deinit { EVP_MD_CTX_free(context) }

  package mutating func update(_ bytes: RawSpan) {
    let status = bytes.withUnsafeBytes { EVP_DigestUpdate(context, $0.baseAddress, $0.count) }
    precondition(status == 1, "OpenSSL's SHA-256 failed")
  }

  /// The digest of everything fed so far, as 64 lowercase hexadecimal digits.
  package consuming func hexadecimal() -> String {
    var digest = [UInt8](repeating: 0, count: 32)
    let status = EVP_DigestFinal_ex(context, &digest, nil)
    precondition(status == 1, "OpenSSL's SHA-256 failed")
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}
