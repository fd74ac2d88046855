import Tokenizers

/// A text that grows token by token and shows only final characters.
///
/// It holds back parts of characters and possible beginnings of a stop string.
package struct GrowingText {
  package enum Ending: String, Sendable {
    case endToken = "end_token"
    case stopString = "stop_string"
    /// It has the largest number of tokens.
    case length
  }

  private let rule: StopRule
  private var pending: [UInt8] = []
  private var shown: [UInt8] = []
  package private(set) var tokens: [Int32] = []
  package private(set) var ending: Ending?

  package init(_ rule: StopRule) { self.rule = rule }

  /// The text shown so far; the whole text after `finish`.
  package var text: String { String(decoding: shown, as: UTF8.self) }

  /// Appends a token.
  ///
  /// - Returns: the characters that can be shown now.
  package mutating func append(_ token: Int32) throws(TokenizerError) -> String {
    precondition(ending == nil)
    tokens.append(token)
    if rule.endTokens.contains(token) {
      ending = .endToken
      return show(pending.count)
    }
    pending += try rule.tokenizer.decode(CollectionOfOne(token))
    if let stop = rule.firstString(in: pending) {
      ending = .stopString
      pending.removeLast(pending.count - stop.start)
      return show(pending.count)
    }
    let certain = pending.count - rule.beginningLength(atEndOf: pending)
    return show(UTF8Text.completeCount(Array(pending[..<certain])))
  }

  /// Ends the text and returns its remaining characters.
  package mutating func finish() -> String {
    if ending == nil { ending = .length }
    return show(pending.count)
  }

  private mutating func show(_ count: Int) -> String {
    defer { pending.removeFirst(count) }
    shown += pending[..<count]
    return String(decoding: pending[..<count], as: UTF8.self)
  }
}
