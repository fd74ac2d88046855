/// Cuts a text into the words that byte pairs are merged within, as GPT-2's pattern does:
///
///     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
///
/// The last two: white space before a word gives its last character to the word if that is a space, and keeps it as a
/// word of its own otherwise.
enum WordScanner {
  private enum Class: UInt8 { case other, letter, number, space }

  /// The class of each scalar of the basic plane.
  private static let classes: [Class] = (0..<0x10000).map { value in
    Unicode.Scalar(UInt32(value)).map(classify) ?? .other
  }

  private static func classify(_ scalar: Unicode.Scalar) -> Class {
    if scalar.properties.isWhitespace { return .space }
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: return .letter
    case .decimalNumber, .letterNumber, .otherNumber: return .number
    default: return .other
    }
  }

  @inline(__always)
  private static func classify(_ text: Span<UInt8>, at position: Int) -> (class: Class, length: Int) {
    let (value, length) = UTF8Text.scalar(text, at: position)
    if value < 0x10000 { return (classes[Int(value)], length) }
    return (Unicode.Scalar(value).map(classify) ?? .other, length)
  }

  /// Calls `body` with each word of `range`, which holds valid UTF-8.
  static func forEachWord(_ text: Span<UInt8>, in range: Range<Int>, _ body: (Range<Int>) -> Void) {
    var start = range.lowerBound
    while start < range.upperBound {
      let end = wordEnd(text, from: start, limit: range.upperBound)
      body(start..<end)
      start = end
    }
  }

  private static func wordEnd(_ text: Span<UInt8>, from start: Int, limit: Int) -> Int {
    if text[start] == UInt8(ascii: "'"), let end = contractionEnd(text, from: start, limit: limit) { return end }
    var first = start
    if text[start] == UInt8(ascii: " "), start + 1 < limit { first += 1 }
    let kind = classify(text, at: first).class
    if kind != .space { return runEnd(text, from: first, of: kind, limit: limit).end }
    let run = runEnd(text, from: start, of: .space, limit: limit)
    // White space at the end of the text is one word, a single character too.
    return run.end == limit || run.last == start ? run.end : run.last
  }

  /// Where the characters of one class end, and where the last of them begins.
  private static func runEnd(
    _ text: Span<UInt8>, from start: Int, of kind: Class, limit: Int
  ) -> (end: Int, last: Int) {
    var (position, last) = (start, start)
    while position < limit {
      let (next, length) = classify(text, at: position)
      guard next == kind else { break }
      last = position
      position += length
    }
    return (position, last)
  }

  private static func contractionEnd(_ text: Span<UInt8>, from start: Int, limit: Int) -> Int? {
    guard start + 1 < limit else { return nil }
    let first = text[start + 1]
    switch first {
    case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return start + 2
    default: break
    }
    guard start + 2 < limit else { return nil }
    switch (first, text[start + 2]) {
    case (UInt8(ascii: "r"), UInt8(ascii: "e")), (UInt8(ascii: "v"), UInt8(ascii: "e")),
      (UInt8(ascii: "l"), UInt8(ascii: "l")):
      return start + 3
    default: return nil
    }
  }
}
