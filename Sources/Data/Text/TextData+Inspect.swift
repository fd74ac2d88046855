import Foundation
import Tensors
import Tokenizers

extension TextData {
  /// Endings of files that are taken for text, and not for a table.
  private static let endings = [".txt", ".md", ".jsonl"]
  private static let previewLines = 8
  private static let previewColumns = 100

  /// Recognizes text files and JSON lines by their endings, and folders that hold such files.
  package static func inspect(_ place: InspectedPath) throws(DataError) -> DatasetSummary? {
    let path = place.path
    guard try place.isFile ? endings.contains(where: { path.hasSuffix($0) }) : holdsText(path) else { return nil }
    let corpus = try TextCorpus(
      [path], pattern: "**/*", textKey: path.hasSuffix(".jsonl") ? defaultTextKey : nil, maxBytes: place.limit)
    var summary = DatasetSummary(path: path, kind: kind)
    var (bytes, characters) = (0, 0)
    var census: CharacterCensus? = CharacterCensus()
    try corpus.forEachDocument { (document) throws(DataError) in
      if summary.count == 0 { summary.preview = preview(of: document.text) }
      summary.count += 1
      bytes += document.text.count
      do throws(TokenizerError) {
        try census?.add(document.text)
        // Every byte but those that continue a character.
        characters += document.text.count { $0 & 0xC0 != 0x80 }
      } catch {
        summary.notes.append(DataError(document.file, error, in: document.place).description)
        census = nil
      }
    }
    guard bytes > 0 else { throw corpus.emptyError }
    summary.parts = [.init(name: "bytes", shape: TensorShape([bytes]), type: "tokens of the tokenizer bytes")]
    if let vocabulary = census?.vocabulary {
      let type = "tokens of the tokenizer characters, \(vocabulary.scalars.count) different"
      summary.parts.append(.init(name: "characters", shape: TensorShape([characters]), type: type))
    }
    summary.notes.insert(
      "\(corpus.files.count) file\(corpus.files.count == 1 ? "" : "s"), a sample is a document;"
        + " learn byte pairs with: troupe tokenizer train", at: 0)
    return summary
  }

  private static func holdsText(_ folder: String) throws(DataError) -> Bool {
    for ending in endings where try !PathPattern.files("**/*\(ending)", in: folder).isEmpty { return true }
    return false
  }

  /// The first lines, cut to a terminal's width.
  private static func preview(of text: [UInt8]) -> [String] {
    let head = String(decoding: text.prefix(previewLines * 4 * previewColumns), as: UTF8.self)
    return head.split(separator: "\n", omittingEmptySubsequences: false).prefix(previewLines).map { line in
      let shown = line.unicodeScalars.prefix(previewColumns).map { $0.value < 0x20 ? " " : String($0) }.joined()
      return "  | " + shown + (line.unicodeScalars.count > previewColumns ? "…" : "")
    }
  }
}
