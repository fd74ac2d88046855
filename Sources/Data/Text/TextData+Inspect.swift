import Foundation
import Tensors
import Tokenizers

extension DatasetSummary {
  /// Endings of files that are taken for text, and not for a table.
  private static let textEndings = [".txt", ".md", ".jsonl"]
  private static let previewLines = 8
  private static let previewColumns = 100

  static func isText(_ path: String) -> Bool { textEndings.contains { path.hasSuffix($0) } }

  static func holdsText(_ folder: String) throws(DataError) -> Bool {
    for ending in textEndings where try !PathPattern.files("**/*\(ending)", in: folder).isEmpty { return true }
    return false
  }

  /// A text file, JSON lines, or a folder of text files.
  static func inspectText(_ path: String, limit: Int) throws(DataError) -> DatasetSummary {
    let isLines = path.hasSuffix(".jsonl")
    let corpus = try TextCorpus(
      [path], pattern: "**/*", textKey: isLines ? TextData.defaultTextKey : nil, maxBytes: limit)
    var summary = DatasetSummary(
      path: path, kind: TextData.kind, count: 0, parts: [], classes: [], preview: [], notes: [])
    var (bytes, characters) = (0, 0)
    var census: CharacterCensus? = CharacterCensus()
    try corpus.forEachDocument { (document) throws(DataError) in
      if summary.count == 0 { summary.preview = preview(of: document.text) }
      summary.count += 1
      bytes += document.text.count
      do throws(TokenizerError) {
        try census?.add(document.text)
        // Every byte but those that go on with a character.
        characters += document.text.count { $0 & 0xC0 != 0x80 }
      } catch {
        summary.notes.append(DataError(document.file, error, in: document.place).description)
        census = nil
      }
    }
    summary.parts = [Part(name: "bytes", shape: TensorShape([bytes]), type: "tokens of the tokenizer bytes")]
    if let vocabulary = census?.vocabulary {
      let type = "tokens of the tokenizer characters, \(vocabulary.scalars.count) different"
      summary.parts.append(Part(name: "characters", shape: TensorShape([characters]), type: type))
    }
    summary.notes.insert(
      "\(corpus.files.count) file\(corpus.files.count == 1 ? "" : "s"), a sample is a document;"
        + " learn byte pairs with: troupe tokenizer train", at: 0)
    return summary
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
