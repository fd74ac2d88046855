import Files

/// The tokens of a whole corpus, document after document: 16 bits each where the vocabulary allows, in memory or
/// mapped.
final class TokenStore: Sendable {
  enum Storage: Sendable {
    case narrow([UInt16])
    case wide([UInt32])
    /// `width` bytes per token, from `offset` on.
    case mapped(MappedFile, offset: Int, width: Int)
  }

  /// The largest vocabulary of 16 bits per token.
  static let mostNarrow = 1 << 16

  let count: Int
  /// Where documents begin, ascending.
  let documentStarts: [Int]
  /// CRC32C of the tokens as they are stored.
  let checksum: UInt32
  private let storage: Storage

  init(_ storage: Storage, count: Int, documentStarts: [Int], checksum: UInt32? = nil) {
    self.storage = storage
    self.count = count
    self.documentStarts = documentStarts
    self.checksum =
      checksum
      ?? {
        switch storage {
        case .narrow(let tokens): CRC32C.checksum(tokens.span.bytes)
        case .wide(let tokens): CRC32C.checksum(tokens.span.bytes)
        case .mapped(let file, let offset, let width):
          CRC32C.checksum(file.bytes.extracting(offset..<offset + count * width))
        }
      }()
  }

  /// Bytes of memory: none for what is mapped, which the system can take back.
  var residentBytes: Int {
    let tokens =
      switch storage {
      case .narrow: 2 * count
      case .wide: 4 * count
      case .mapped: 0
      }
    return tokens + documentStarts.count * 8
  }

  /// Calls `body` with the tokens as they are stored, and the bytes that each takes.
  func withBytes<Result, Failure>(_ body: (RawSpan, Int) throws(Failure) -> Result) throws(Failure) -> Result {
    switch storage {
    case .narrow(let tokens): try body(tokens.span.bytes, 2)
    case .wide(let tokens): try body(tokens.span.bytes, 4)
    case .mapped(let file, let offset, let width):
      try body(file.bytes.extracting(offset..<offset + count * width), width)
    }
  }

  /// Writes the tokens from `start` on over the first `length` of `target`.
  func copy(from start: Int, _ length: Int, into target: inout MutableSpan<Int32>) {
    precondition(start >= 0 && length <= target.count && start + length <= count)
    switch storage {
    case .narrow(let tokens):
      let source = tokens.span
      for i in 0..<length { target[i] = Int32(source[start + i]) }
    case .wide(let tokens):
      let source = tokens.span
      for i in 0..<length { target[i] = Int32(bitPattern: source[start + i]) }
    case .mapped(let file, let offset, let width):
      let source = file.bytes
      for i in 0..<length {
        let place = offset + (start + i) * width
        target[i] =
          width == 2
          ? Int32(source.unsafeLoadUnaligned(fromByteOffset: place, as: UInt16.self))
          : Int32(bitPattern: source.unsafeLoadUnaligned(fromByteOffset: place, as: UInt32.self))
      }
    }
  }

  /// The number of the first document that begins at `token` or later.
  func firstDocument(from token: Int) -> Int {
    var (low, high) = (0, documentStarts.count)
    while low < high {
      let middle = (low + high) / 2
      if documentStarts[middle] < token { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

/// Takes the tokens of a corpus, document by document.
struct TokenCollector {
  private var narrow: [UInt16] = []
  private var wide: [UInt32] = []
  private let isNarrow: Bool
  private(set) var documentStarts: [Int] = []

  init(vocabularySize: Int) { isNarrow = vocabularySize <= TokenStore.mostNarrow }

  var count: Int { isNarrow ? narrow.count : wide.count }

  mutating func beginDocument() { documentStarts.append(count) }

  mutating func append(_ tokens: [Int32]) {
    if isNarrow {
      narrow.append(contentsOf: tokens.lazy.map { UInt16(truncatingIfNeeded: $0) })
    } else {
      wide.append(contentsOf: tokens.lazy.map { UInt32(bitPattern: $0) })
    }
  }

  consuming func store() -> TokenStore {
    TokenStore(isNarrow ? .narrow(narrow) : .wide(wide), count: count, documentStarts: documentStarts)
  }
}
