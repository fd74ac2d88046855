import Tokenizers

/// The tokens and strings that end a text.
package struct StopRule: Sendable {
  package let tokenizer: Tokenizer
  package let endTokens: Set<Int32>
  /// As UTF-8, none empty.
  package let strings: [[UInt8]]

  package init(_ tokenizer: Tokenizer, strings: [String]) {
    precondition(!strings.contains(""))
    self.tokenizer = tokenizer
    endTokens = Set([Tokenizer.endOfText, Tokenizer.endOfAnswer].compactMap(tokenizer.token(special:)))
    self.strings = strings.map { Array($0.utf8) }
  }

  /// Whether the last of these tokens ends the text.
  package func isEnd(_ tokens: [Int32]) -> Bool {
    guard let last = tokens.last else { return false }
    if endTokens.contains(last) { return true }
    guard let longest = strings.map(\.count).max() else { return false }
    // A token has at least one byte, so a string that has just become complete lies within as many tokens.
    guard let tail = try? tokenizer.decode(tokens.suffix(longest)) else { return false }
    return firstString(in: tail) != nil
  }

  /// The stop string that occurs first, and where.
  func firstString(in text: [UInt8]) -> (string: [UInt8], start: Int)? {
    var first: (string: [UInt8], start: Int)?
    for string in strings where string.count <= text.count {
      let starts = 0...text.count - string.count
      guard let start = starts.first(where: { text[$0..<$0 + string.count].elementsEqual(string) }) else { continue }
      if first.map({ start < $0.start }) ?? true { first = (string, start) }
    }
    return first
  }

  /// The length of the longest suffix of `text` that is a prefix of a stop string.
  func beginningLength(atEndOf text: [UInt8]) -> Int {
    var longest = 0
    for string in strings {
      let lengths = (1..<max(1, string.count)).reversed()
      let length = lengths.first { $0 <= text.count && text.suffix($0).elementsEqual(string.prefix($0)) }
      longest = max(longest, length ?? 0)
    }
    return longest
  }
}
