import JSON

/// "vocab" and "merges" of a `tokenizer.json`, checked once, so that encoding needs no checks.
struct HuggingFaceVocabulary {
  /// The bytes of each token.
  let pieces: [[UInt8]]
  private let tokens: [[UInt8]: Int32]

  /// - Parameter special: tokens whose text is in the vocabulary as it is.
  init(_ json: JSON?, _ special: [Tokenizer.SpecialToken]) throws(TokenizerError) {
    let place = "model.vocab"
    guard let members = json?.members, !members.isEmpty, members.count <= Tokenizer.mostTokens else {
      throw TokenizerError(
        at: place, expected: "an object of 1 to \(Tokenizer.mostTokens) tokens",
        found: json.map { $0.members.map { "\($0.count)" } ?? $0.kindName } ?? "none")
    }
    let specialIDs = Dictionary(uniqueKeysWithValues: special.map { (Array($0.text.utf8), $0.token) })
    var pieces = [[UInt8]](repeating: [], count: members.count)
    var tokens: [[UInt8]: Int32] = [:]
    tokens.reserveCapacity(members.count)
    for member in members {
      let name = TokenizerError.quoted(member.key)
      guard let id = member.value.integer, pieces.indices.contains(id) else {
        throw TokenizerError(
          at: place, expected: "the ids 0 to \(members.count - 1)",
          found: "\(TokenizerError.quoted(member.value.compactText)) for \(name)")
      }
      let text = Array(member.key.utf8)
      let specialID = specialIDs[text]
      guard let piece = specialID != nil ? text : ByteAlphabet.bytes(of: member.key), !piece.isEmpty else {
        throw TokenizerError(
          at: place, expected: "tokens in the alphabet of GPT-2's bytes", found: name,
          advice: "only byte-level tokenizers are read")
      }
      guard specialID == nil || specialID == Int32(id) else {
        throw TokenizerError(
          at: place, expected: "the id \(specialID ?? 0) of added_tokens for \(name)", found: "\(id)")
      }
      guard pieces[id].isEmpty, tokens.updateValue(Int32(id), forKey: piece) == nil else {
        throw TokenizerError(at: place, expected: "an id for each token", found: "the id \(id) or \(name) twice")
      }
      pieces[id] = piece
    }
    // A special token within the vocabulary must be there under its own text.
    for token in special where Int(token.token) < pieces.count && pieces[Int(token.token)] != Array(token.text.utf8) {
      throw TokenizerError(
        at: "added_tokens", expected: "\(TokenizerError.quoted(token.text)) to be the vocabulary's \(token.token)",
        found: TokenizerError.quoted(ByteAlphabet.text(of: pieces[Int(token.token)])))
    }
    self.pieces = pieces
    self.tokens = tokens
  }

  /// The token of each byte: with all of them there, every text can be encoded.
  func byteTokens() throws(TokenizerError) -> [Int32] {
    var byteTokens: [Int32] = []
    for byte in 0..<256 {
      guard let token = tokens[[UInt8(byte)]] else {
        throw TokenizerError(
          at: "model.vocab", expected: "a token for each of the 256 bytes",
          found: "none for 0x\(String(byte, radix: 16))", advice: "train it with the whole byte alphabet")
      }
      byteTokens.append(token)
    }
    return byteTokens
  }

  /// Pairs, written as "a b" or as ["a", "b"], and the tokens they become.
  func merges(_ json: JSON?) throws(TokenizerError) -> (pairs: [(left: Int32, right: Int32)], merged: [Int32]) {
    guard let list = json?.array else {
      throw TokenizerError(at: "model.merges", expected: "a list", found: json?.kindName ?? "none")
    }
    var pairs: [(left: Int32, right: Int32)] = []
    var merged: [Int32] = []
    var ranks: [UInt64: Int] = [:]
    for (rank, element) in list.enumerated() {
      let place = "model.merges[\(rank)]"
      guard let (left, right) = Self.pair(element) else {
        throw TokenizerError(
          at: place, expected: "\"a b\" or [\"a\", \"b\"]", found: TokenizerError.quoted(element.compactText))
      }
      let (leftToken, rightToken) = (try token(left, place), try token(right, place))
      merged.append(try token(left + right, place))
      if let first = ranks.updateValue(rank, forKey: BytePairModel.key(leftToken, rightToken)) {
        throw TokenizerError(at: place, expected: "a new pair", found: "that of model.merges[\(first)]")
      }
      pairs.append((leftToken, rightToken))
    }
    return (pairs, merged)
  }

  private static func pair(_ json: JSON) -> (left: [UInt8], right: [UInt8])? {
    let parts: [Substring] =
      if let text = json.string {
        text.split(separator: " ", omittingEmptySubsequences: false)
      } else {
        (json.array ?? []).compactMap { $0.string.map { Substring($0) } }
      }
    guard parts.count == 2, json.array.map({ $0.count == 2 }) ?? true, let left = ByteAlphabet.bytes(of: parts[0]),
      let right = ByteAlphabet.bytes(of: parts[1])
    else { return nil }
    return (left, right)
  }

  private func token(_ piece: [UInt8], _ place: String) throws(TokenizerError) -> Int32 {
    if let token = tokens[piece] { return token }
    throw TokenizerError(
      at: place, expected: "tokens of the vocabulary",
      found: TokenizerError.quoted(ByteAlphabet.text(of: piece)))
  }
}
