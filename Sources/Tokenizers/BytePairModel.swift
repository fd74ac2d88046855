import JSON

/// The vocabulary and merges of byte-level byte-pair encoding (Sennrich et al. 2016; over bytes, Radford et al. 2019).
///
/// A word is its bytes at first. As long as two neighbors are a pair of `merges`, the one of the lowest rank, and of
/// those the leftmost, becomes one token.
package struct BytePairModel: TokenizerModel, Equatable {
  package static let kind = "byte_pair"
  package static let documentation = "byte-level byte-pair encoding, as GPT-2"
  package static let file = TokenizerFile.required("a tokenizer.json of `troupe tokenizer train` or of Hugging Face")

  struct Merge: Sendable, Equatable {
    /// The place in the list of merges: lower is merged first.
    var rank: Int32
    var token: Int32
  }

  /// The bytes of each token.
  package let pieces: [[UInt8]]
  /// Pairs of tokens in the order in which they are merged.
  package let pairs: [(left: Int32, right: Int32)]
  /// The token of each byte.
  let byteTokens: [Int32]
  private let merges: [UInt64: Merge]

  /// - Parameters:
  ///   - pieces: distinct and not empty.
  ///   - byteTokens: the token of each of the 256 bytes.
  ///   - merged: the token that each pair becomes.
  init(pieces: [[UInt8]], byteTokens: [Int32], pairs: [(left: Int32, right: Int32)], merged: [Int32]) {
    precondition(byteTokens.count == 256 && pairs.count == merged.count)
    self.pieces = pieces
    self.byteTokens = byteTokens
    self.pairs = pairs
    var merges = [UInt64: Merge](minimumCapacity: pairs.count)
    for (rank, (pair, token)) in zip(pairs, merged).enumerated() {
      merges[Self.key(pair.left, pair.right)] = Merge(rank: Int32(rank), token: token)
    }
    self.merges = merges
  }

  @inline(__always)
  static func key(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  @inline(__always)
  func merge(_ left: Int32, _ right: Int32) -> Merge? { merges[Self.key(left, right)] }

  package static func tokenizer(_ json: JSON) throws(TokenizerError) -> Tokenizer? {
    json["model"] == nil ? nil : try HuggingFaceTokenizer.tokenizer(json)
  }

  package var vocabularySize: Int { pieces.count }
  package func append(_ token: Int, to text: inout [UInt8]) { text += pieces[token] }
  package func json(_ special: [Tokenizer.SpecialToken]) -> JSON { HuggingFaceTokenizer.json(self, special) }
  package func encoder() -> any TokenizerModelEncoder { BytePairEncoder(self) }

  package static func == (a: BytePairModel, b: BytePairModel) -> Bool {
    a.pieces == b.pieces && a.byteTokens == b.byteTokens && a.merges == b.merges
  }
}
