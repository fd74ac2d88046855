import Files
import Foundation
import Runs
import Tokenizers

/// The beginning of a text, as tokens.
package struct Prompt: Sendable {
  /// At least one token, and at most the model's context.
  package let tokens: [Int32]
  /// The given text.
  package let text: String
  /// The number of first tokens that do not fit the context.
  package let cutCount: Int

  static let filePrefix = "FILE:"
  /// In bytes.
  private static let largestFile = 256 << 20

  /// - Parameters:
  ///   - given: a text, or `FILE:` and a path; nil for a line break, as in nanoGPT, or an empty text for an
  ///     encoder-decoder. An empty text becomes the token between documents.
  package init(_ given: String?, for language: LanguageModel) throws(RunError) {
    let defaultText = language.source == nil ? "\n" : ""
    let bytes = try Self.bytes(given ?? defaultText, option: "--prompt")
    let tokenizer = language.tokenizer
    var tokens: [Int32]
    do throws(TokenizerError) {
      // As in training, pairs of texts have no special tokens.
      tokens = try tokenizer.encode(bytes, readsSpecialTokens: language.source == nil)
    } catch {
      let advice = given == nil ? " (the default, a line break); give another one" : ""
      throw RunError(.configuration, "--prompt\(advice): \(error)")
    }
    // A decoder's input always begins with the token that begins answers.
    let beginnings = [Tokenizer.beginOfAnswer, Tokenizer.endOfText]
    if tokens.isEmpty || language.source != nil, let begin = beginnings.compactMap(tokenizer.token(special:)).first,
      tokens.first != begin
    {
      tokens.insert(begin, at: 0)
    }
    guard !tokens.isEmpty else {
      throw RunError(
        .configuration,
        "--prompt: expected at least one token, because the tokenizer has no \(Tokenizer.endOfText) to begin with")
    }
    text = String(decoding: bytes, as: UTF8.self)
    cutCount = language.context.map { max(0, tokens.count - $0) } ?? 0
    let first = language.source == nil ? 0 : 1
    tokens.removeSubrange(first..<first + cutCount)
    self.tokens = tokens
  }

  /// The encoder's input as tokens; empty if the model has no encoder.
  package static func source(_ given: String?, for language: LanguageModel) throws(RunError) -> [Int32] {
    guard language.source != nil else {
      if given != nil {
        throw RunError(
          .configuration,
          "--source: a model of the type \"\(language.configuration.modelKind)\" reads no source; use --prompt")
      }
      return []
    }
    guard let given else {
      throw RunError(.configuration, "--source: expected the text that the encoder reads, found none")
    }
    let bytes = try bytes(given, option: "--source")
    do throws(TokenizerError) {
      return try language.tokenizer.encode(bytes, readsSpecialTokens: false)
    } catch {
      throw RunError(.configuration, "--source: \(error)")
    }
  }

  private static func bytes(_ given: String, option: String) throws(RunError) -> [UInt8] {
    guard given.hasPrefix(filePrefix) else { return Array(given.utf8) }
    let path = String(given.dropFirst(filePrefix.count))
    do throws(FileError) {
      return try FileSystemCalls.real.contents(of: path, largest: largestFile)
    } catch {
      throw RunError(.configuration, "\(option): expected a file at \"\(path)\": \(error.reason)")
    }
  }
}
