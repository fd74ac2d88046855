/// An error in a tokenizer's file or in a text: the place, what was expected, what was found and what to do about it.
///
/// Callers prepend the file name.
package struct TokenizerError: Error, Equatable, CustomStringConvertible {
  /// Bytes from the start of the text to the error; nil for an error in a tokenizer.
  package var offset: Int?
  /// The place in a tokenizer's file: "model.merges[7]"; empty for the whole file.
  package var place: String
  package var expected: String
  package var found: String
  /// Empty where it is plain what to do.
  package var advice: String

  package init(offset: Int, expected: String, found: String, advice: String = "") {
    self.offset = offset
    place = "byte \(offset)"
    self.expected = expected
    self.found = found
    self.advice = advice
  }

  package init(at place: String = "", expected: String, found: String, advice: String = "") {
    self.place = place
    self.expected = expected
    self.found = found
    self.advice = advice
  }

  package var description: String {
    let location = place.isEmpty ? "" : "\(place): "
    let line = "\(location)expected \(expected), found \(found)" + (advice.isEmpty ? "" : "; \(advice)")
    return String(line.map { $0.isNewline ? " " : $0 })
  }

  /// A piece of a text for a message: printable, one line, at most 40 characters.
  static func quoted(_ text: some StringProtocol) -> String {
    let longest = 40
    let shown = text.prefix(longest).map { character in
      character.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F } ? character : "\u{FFFD}"
    }
    return "\"" + String(shown) + (text.count > longest ? "…" : "") + "\""
  }
}
