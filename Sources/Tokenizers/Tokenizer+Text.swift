import JSON

// A tokenizer as text: in files and in checkpoints.
extension Tokenizer {
  /// JSON on one line that `init(text:)` reads back: Hugging Face's form for byte pairs, our own for the others.
  package var text: String { json.compactText }

  package var json: JSON {
    var members: [(String, JSON)]
    switch model {
    case .bytes: members = [("type", .string(kind))]
    case .characters(let vocabulary):
      var characters = String.UnicodeScalarView()
      characters.append(contentsOf: vocabulary.scalars)
      members = [("type", .string(kind)), ("characters", .string(String(characters)))]
    case .bytePair(let model): return HuggingFaceTokenizer.json(model, specialTokens)
    }
    if !specialTokens.isEmpty {
      members.append(("special_tokens", .array(specialTokens.map { .string($0.text) })))
    }
    return .object(members)
  }

  /// Reads what `text` gives, and Hugging Face's `tokenizer.json` with byte-level byte pairs.
  package init(text: [UInt8]) throws(TokenizerError) {
    let json: JSON
    do throws(JSONError) {
      json = try JSONParser.parse(text.span)
    } catch {
      throw TokenizerError(offset: error.offset, expected: "a tokenizer as JSON", found: error.message)
    }
    guard json.members != nil else {
      throw TokenizerError(expected: "a tokenizer as a JSON object", found: json.kindName)
    }
    if json["model"] != nil {
      self = try HuggingFaceTokenizer.tokenizer(json)
      return
    }
    switch json["type"]?.string {
    case "bytes":
      try Self.refuseOthers(in: json, than: ["type", "special_tokens"])
      self = try Tokenizer.bytes.adding(specialTokens: Self.specialTokens(json))
    case "characters":
      try Self.refuseOthers(in: json, than: ["type", "characters", "special_tokens"])
      self = try Tokenizer.characters(Self.characters(json)).adding(specialTokens: Self.specialTokens(json))
    default:
      throw TokenizerError(
        expected: "\"model\" of a Hugging Face tokenizer.json, or \"type\" bytes or characters",
        found: json["type"]?.string.map { TokenizerError.quoted($0) } ?? "neither")
    }
  }

  private static func refuseOthers(in json: JSON, than known: [String]) throws(TokenizerError) {
    guard let member = json.members?.first(where: { !known.contains($0.key) }) else { return }
    throw TokenizerError(
      expected: "the keys \(known.joined(separator: ", "))", found: TokenizerError.quoted(member.key))
  }

  private static func characters(_ json: JSON) throws(TokenizerError) -> CharacterVocabulary {
    guard let text = json["characters"]?.string, let vocabulary = CharacterVocabulary(Array(text.unicodeScalars)) else {
      throw TokenizerError(
        at: "characters", expected: "a text of at least one character, each once and in ascending order",
        found: json["characters"].map { TokenizerError.quoted($0.compactText) } ?? "none")
    }
    return vocabulary
  }

  private static func specialTokens(_ json: JSON) throws(TokenizerError) -> [String] {
    guard let list = json["special_tokens"] else { return [] }
    let texts = list.array?.compactMap(\.string) ?? []
    guard texts.count == list.array?.count, !texts.contains(""), texts.count <= mostTokens,
      Set(texts).count == texts.count
    else {
      throw TokenizerError(
        at: "special_tokens", expected: "a list of texts, none empty and each once", found: list.kindName)
    }
    return texts
  }
}
