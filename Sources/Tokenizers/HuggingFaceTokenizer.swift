import JSON

/// Hugging Face's `tokenizer.json`, as far as it is GPT-2's: byte-level byte pairs behind GPT-2's pattern.
///
/// Settings that would make another tokenizer (normalizers, other pre-tokenizers, unknown tokens, …) are refused by
/// name.
enum HuggingFaceTokenizer {
  static func json(_ model: BytePairModel, _ special: [Tokenizer.SpecialToken]) -> JSON {
    let byteLevel = JSON.object([
      ("type", .string("ByteLevel")), ("add_prefix_space", .boolean(false)), ("trim_offsets", .boolean(true)),
      ("use_regex", .boolean(true)),
    ])
    let added = special.map { token in
      JSON.object([
        ("id", .integer(token.token)), ("content", .string(token.text)), ("single_word", .boolean(false)),
        ("lstrip", .boolean(false)), ("rstrip", .boolean(false)), ("normalized", .boolean(token.isNormalized)),
        ("special", .boolean(true)),
      ])
    }
    var vocabulary = model.pieces.enumerated().map { (ByteAlphabet.text(of: $0.element), JSON.integer($0.offset)) }
    for token in special where Int(token.token) < vocabulary.count { vocabulary[Int(token.token)].0 = token.text }
    // Strings, not lists of two: every version of the library reads them.
    let merges = model.pairs.map { pair in
      JSON.string(
        ByteAlphabet.text(of: model.pieces[Int(pair.left)]) + " "
          + ByteAlphabet.text(of: model.pieces[Int(pair.right)]))
    }
    return .object([
      ("version", .string("1.0")), ("truncation", .null), ("padding", .null), ("added_tokens", .array(added)),
      ("normalizer", .null), ("pre_tokenizer", byteLevel), ("post_processor", .null), ("decoder", byteLevel),
      (
        "model",
        .object([
          ("type", .string("BPE")), ("dropout", .null), ("unk_token", .null), ("continuing_subword_prefix", .null),
          ("end_of_word_suffix", .null), ("fuse_unk", .boolean(false)), ("byte_fallback", .boolean(false)),
          ("ignore_merges", .boolean(false)), ("vocab", .object(vocabulary)), ("merges", .array(merges)),
        ])
      ),
    ])
  }

  static func tokenizer(_ json: JSON) throws(TokenizerError) -> Tokenizer {
    for key in ["truncation", "padding", "normalizer"] { try refuse(json[key], key, unlessIn: [.null]) }
    try checkByteLevel(json["pre_tokenizer"], "pre_tokenizer", isNeeded: true)
    try checkByteLevel(json["post_processor"], "post_processor", isNeeded: false)
    try checkByteLevel(json["decoder"], "decoder", isNeeded: false)
    guard let model = json["model"], model.members != nil else {
      throw TokenizerError(at: "model", expected: "an object", found: json["model"]?.kindName ?? "none")
    }
    guard model["type"]?.string == "BPE" else {
      throw TokenizerError(
        at: "model.type", expected: "\"BPE\"", found: excerpt(model["type"]),
        advice: "only byte-level byte-pair encoding is read")
    }
    let allowed: [(String, [JSON])] = [
      ("unk_token", [.null]), ("dropout", [.null, .integer(0)]), ("continuing_subword_prefix", [.null, .string("")]),
      ("end_of_word_suffix", [.null, .string("")]), ("fuse_unk", [.boolean(false)]),
      ("byte_fallback", [.boolean(false)]), ("ignore_merges", [.boolean(false)]),
    ]
    for (key, values) in allowed { try refuse(model[key], "model.\(key)", unlessIn: values) }
    let special = try addedTokens(json["added_tokens"])
    let vocabulary = try HuggingFaceVocabulary(model["vocab"], special)
    let merges = try vocabulary.merges(model["merges"])
    let behind = special.map(\.token).filter { $0 >= vocabulary.pieces.count }.sorted()
    guard behind.enumerated().allSatisfy({ Int($0.element) == vocabulary.pieces.count + $0.offset }) else {
      throw TokenizerError(
        at: "added_tokens", expected: "ids within the vocabulary or right behind it, from \(vocabulary.pieces.count)",
        found: "\(behind.last ?? 0)")
    }
    return Tokenizer(
      model: BytePairModel(
        pieces: vocabulary.pieces, byteTokens: try vocabulary.byteTokens(), pairs: merges.pairs, merged: merges.merged),
      specialTokens: special)
  }

  private static func excerpt(_ json: JSON?) -> String {
    guard let json else { return "none" }
    if json.members != nil, let type = json["type"]?.string { return "the type \(TokenizerError.quoted(type))" }
    return TokenizerError.quoted(json.compactText)
  }

  /// Refuses a setting that would make another tokenizer; an absent one does not.
  private static func refuse(
    _ value: JSON?, _ place: String, unlessIn allowed: [JSON]
  ) throws(TokenizerError) {
    guard let value, !allowed.contains(value) else { return }
    let names = allowed.map(\.compactText).joined(separator: " or ")
    throw TokenizerError(
      at: place, expected: names, found: excerpt(value), advice: "only GPT-2's byte-level tokenizers are read")
  }

  private static func checkByteLevel(_ json: JSON?, _ place: String, isNeeded: Bool) throws(TokenizerError) {
    if !isNeeded, json == nil || json == .null { return }
    guard let json, json["type"]?.string == "ByteLevel" else {
      throw TokenizerError(
        at: place, expected: "\"ByteLevel\"", found: excerpt(json),
        advice: "only GPT-2's byte-level tokenizers are read")
    }
    guard place == "pre_tokenizer" else { return }
    try refuse(json["add_prefix_space"], "\(place).add_prefix_space", unlessIn: [.boolean(false)])
    try refuse(json["use_regex"], "\(place).use_regex", unlessIn: [.boolean(true)])
  }

  private static func addedTokens(_ json: JSON?) throws(TokenizerError) -> [Tokenizer.SpecialToken] {
    guard let json, json != .null else { return [] }
    guard let list = json.array else {
      throw TokenizerError(at: "added_tokens", expected: "a list", found: json.kindName)
    }
    var tokens: [Tokenizer.SpecialToken] = []
    var texts: Set<[UInt8]> = []
    var ids: Set<Int32> = []
    for (index, element) in list.enumerated() {
      let place = "added_tokens[\(index)]"
      guard let text = element["content"]?.string, !text.isEmpty, let id = element["id"]?.integer,
        (0..<Tokenizer.mostTokens).contains(id)
      else {
        throw TokenizerError(
          at: place, expected: "a content and an id of 0 to \(Tokenizer.mostTokens - 1)", found: excerpt(element))
      }
      for key in ["single_word", "lstrip", "rstrip"] {
        try refuse(element[key], "\(place).\(key)", unlessIn: [.boolean(false)])
      }
      guard texts.insert(Array(text.utf8)).inserted, ids.insert(Int32(id)).inserted else {
        throw TokenizerError(
          at: place, expected: "a new content and a new id", found: "\(TokenizerError.quoted(text)) with id \(id)")
      }
      tokens.append(
        Tokenizer.SpecialToken(
          text: text, token: Int32(id), isNormalized: element["normalized"]?.boolean ?? false))
    }
    return tokens
  }
}
