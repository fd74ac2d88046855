import JSON

// A tokenizer as text: in files and in checkpoints.
extension Tokenizer {
  /// JSON on one line that `init(text:)` reads back: Hugging Face's format for byte pairs, our own for the others.
  package var text: String { json.compactText }

  package var json: JSON { model.json(specialTokens) }

  /// A tokenizer in our own format.
  static func json(_ members: [(String, JSON)], _ specialTokens: [SpecialToken]) -> JSON {
    let texts = JSON.array(specialTokens.map { .string($0.text) })
    return .object(members + (specialTokens.isEmpty ? [] : [("special_tokens", texts)]))
  }

  /// Reads the format of `text`, and Hugging Face's `tokenizer.json` with byte-level byte pairs.
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
    for model in TokenizerCatalog.models {
      if let tokenizer = try model.tokenizer(json) {
        self = tokenizer
        return
      }
    }
    let kinds = TokenizerCatalog.models.map { $0.kind }.joined(separator: ", ")
    throw TokenizerError(
      expected: "a tokenizer.json of Hugging Face, or one of the types \(kinds)",
      found: json["type"]?.string.map { TokenizerError.quoted($0) } ?? "neither")
  }

  static func refuseKeys(of json: JSON, besides known: [String]) throws(TokenizerError) {
    guard let member = json.members?.first(where: { !known.contains($0.key) }) else { return }
    throw TokenizerError(
      expected: "the keys \(known.joined(separator: ", "))", found: TokenizerError.quoted(member.key))
  }

  static func specialTokens(_ json: JSON) throws(TokenizerError) -> [String] {
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
