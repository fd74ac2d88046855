/// What is wrong with an image, in one line: where, what was expected, what was found and what to do about it.
///
/// Whoever knows the file's name says it before.
package struct ImageError: Error, Equatable, CustomStringConvertible {
  /// The part of the file ("JPEG data"), or the file itself where one is written.
  package var place: String
  package var expected: String
  package var found: String
  /// What the user can do; empty where it is plain.
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
