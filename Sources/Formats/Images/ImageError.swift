/// An error in an image, in one line: the place, what was expected, what was found and what to do about it.
///
/// Callers prepend the file name.
package struct ImageError: Error, Equatable, CustomStringConvertible {
  /// The part of the file ("JPEG data"), or the file itself where one is written.
  package var place: String
  package var expected: String
  package var found: String
  /// Empty where it is plain what to do.
  package var advice: String

  package init(_ place: String, expected: String, found: String, advice: String = "") {
    self.place = place
    self.expected = expected
    self.found = found
    self.advice = advice
  }

  package var description: String {
    let line = "\(place): expected \(expected), found \(found)" + (advice.isEmpty ? "" : "; \(advice)")
    return String(line.map { $0.isNewline ? " " : $0 })
  }
}
