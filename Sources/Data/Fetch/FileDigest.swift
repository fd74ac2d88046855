import CCrypto
import Foundation

/// MD5 (RFC 1321) of files, which the homes of public data sets state: it detects damage, not malice.
enum FileDigest {
  private static let pieceBytes = 1 << 20

  /// 32 lowercase hexadecimal digits.
  static func md5(of path: String) throws(FetchError) -> String {
    guard let file = FileHandle(forReadingAtPath: path), let context = EVP_MD_CTX_new() else {
      throw FetchError(path, "cannot be read", advice: "check the folder's permissions")
    }
    defer { EVP_MD_CTX_free(context) }
    guard EVP_DigestInit_ex(context, EVP_md5(), nil) == 1 else {
      throw FetchError(path, "cannot be checked: OpenSSL offers no MD5 here", advice: "allow it in OpenSSL's settings")
    }
    do {
      while let piece = try file.read(upToCount: pieceBytes), !piece.isEmpty {
        let status = piece.withUnsafeBytes { EVP_DigestUpdate(context, $0.baseAddress, $0.count) }
        precondition(status == 1, "OpenSSL's MD5 failed")
      }
    } catch {
      throw FetchError(path, "cannot be read", advice: "check the disk")
    }
    var digest = [UInt8](repeating: 0, count: 16)
    precondition(EVP_DigestFinal_ex(context, &digest, nil) == 1, "OpenSSL's MD5 failed")
    return digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
