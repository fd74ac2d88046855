import Files
import Foundation

/// The tokens of a large corpus in a file, which the next run maps instead of encoding again.
///
/// Little-endian: a header of 64 bytes, the tokens, zeros up to a multiple of 8, the beginnings of the documents (u64).
/// A cache that is damaged, or made from other texts or by another tokenizer, is written again.
struct TokenCache {
  /// Everything that decides the tokens.
  struct Key: Equatable {
    /// CRC32C of the documents, one after another.
    var corpusChecksum: UInt32
    var corpusByteCount: Int
    /// CRC32C of a description of tokenizer and separator.
    var tokenizerChecksum: UInt32
    var width: Int
  }

  private static let magic: UInt64 = 0x314B_4F54_5550_5254  // "TRPUTOK1"
  private static let headerCount = 64

  let path: String
  private let key: Key

  /// - Parameter folder: an existing one.
  init(folder: String, key: Key) {
    self.key = key
    let name = [key.corpusChecksum, UInt32(truncatingIfNeeded: key.corpusByteCount), key.tokenizerChecksum]
      .map { String($0, radix: 16) }.joined(separator: "-")
    path = folder + "/.troupe-tokens-" + name
  }

  /// The tokens, if a whole and fitting cache is there.
  func read() -> TokenStore? {
    guard FileManager.default.fileExists(atPath: path), let file = try? MappedFile(path: path) else { return nil }
    let bytes = file.bytes
    guard bytes.byteCount >= Self.headerCount else { return nil }
    let header = (0..<8).map { bytes.unsafeLoadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self) }
    guard let count = Int(exactly: header[1]), let documents = Int(exactly: header[2]), count < 1 << 48,
      documents < 1 << 40, header == fields(count: count, documents: documents, body: header[6])
    else { return nil }
    let padded = Self.padded(count * key.width)
    guard bytes.byteCount == Self.headerCount + padded + documents * 8,
      UInt64(CRC32C.checksum(bytes.extracting(Self.headerCount..<bytes.byteCount))) == header[6]
    else { return nil }
    var starts: [Int] = []
    starts.reserveCapacity(documents)
    for document in 0..<documents {
      let place = Self.headerCount + padded + document * 8
      let start = bytes.unsafeLoadUnaligned(fromByteOffset: place, as: UInt64.self)
      guard start <= UInt64(count), start >= UInt64(starts.last ?? 0) else { return nil }
      starts.append(Int(start))
    }
    return TokenStore(
      .mapped(file, offset: Self.headerCount, width: key.width), count: count, documentStarts: starts)
  }

  /// Writes the tokens; the cache that is there is always whole.
  func write(_ store: TokenStore) throws(DataError) {
    let starts = store.documentStarts.map { UInt64($0) }
    do throws(FileError) {
      var file = try ReplacementFile(for: path)
      try store.withBytes { (tokens, width) throws(FileError) in
        let zeros = [UInt8](repeating: 0, count: Self.padded(tokens.byteCount) - tokens.byteCount)
        var body = CRC32C.checksum(tokens)
        body = CRC32C.checksum(zeros.span.bytes, from: body)
        body = CRC32C.checksum(starts.span.bytes, from: body)
        let header = fields(count: store.count, documents: starts.count, body: UInt64(body))
        try file.write(header.span.bytes)
        try file.write(tokens)
        try file.write(zeros.span.bytes)
        try file.write(starts.span.bytes)
      }
      try file.commit()
    } catch {
      throw DataError(error, advice: "set data.cache to another folder")
    }
  }

  private static func padded(_ count: Int) -> Int { (count + 7) / 8 * 8 }

  /// The header, of eight numbers; the last is a checksum of the others.
  private func fields(count: Int, documents: Int, body: UInt64) -> [UInt64] {
    let fields: [UInt64] = [
      Self.magic, UInt64(count), UInt64(documents), UInt64(key.corpusByteCount),
      UInt64(key.corpusChecksum) | UInt64(key.tokenizerChecksum) << 32, UInt64(key.width), body,
    ]
    return fields + [UInt64(CRC32C.checksum(fields.span.bytes))]
  }
}
