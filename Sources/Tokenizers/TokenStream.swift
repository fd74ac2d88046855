/// Decodes tokens one by one for a terminal: what is shown is whole characters.
package struct TokenStream {
  private let tokenizer: Tokenizer
  /// The beginning of a character whose other bytes are still to come.
  private var pending: [UInt8] = []

  package init(_ tokenizer: Tokenizer) { self.tokenizer = tokenizer }

  /// The characters that `token` completes; bytes that cannot be a part of any become U+FFFD.
  package mutating func text(after token: Int32) -> String {
    _ = tokenizer.append(token, to: &pending)
    let count = UTF8Text.completeCount(pending)
    defer { pending.removeFirst(count) }
    return String(decoding: pending[..<count], as: UTF8.self)
  }

  /// What is left when no more tokens come.
  package mutating func finish() -> String {
    defer { pending = [] }
    return String(decoding: pending, as: UTF8.self)
  }
}
