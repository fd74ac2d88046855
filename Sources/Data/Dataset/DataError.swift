import Files
import Formats

/// What is wrong with a data set, in one line: where, what was expected, what was found and what to do about it.
package struct DataError: FileErrorWrapper, Equatable, CustomStringConvertible {
  /// The file, or the kind of generated set ("spirals").
  package var subject: String
  /// Where in it: a line and column, a byte offset, a sample, a key; empty where the whole is meant.
  package var place: String
  package var expected: String
  package var found: String
  /// What the user can do; empty where it is plain.
  package var advice: String

  package init(_ subject: String, at place: String = "", expected: String, found: String, advice: String = "") {
    self.subject = subject
    self.place = place
    self.expected = expected
    self.found = found
    self.advice = advice
  }

  package var description: String {
    let location = place.isEmpty ? subject : "\(subject): \(place)"
    let line = "\(location): expected \(expected), found \(found)" + (advice.isEmpty ? "" : "; \(advice)")
    return line.inOneLine
  }
}

extension DataError {
  package init(_ error: FileError) { self.init(error, advice: "") }

  init(_ error: FileError, advice: String) {
    self.init(error.path, expected: "a file to \(error.operation)", found: error.reason, advice: advice)
  }

  /// A piece of a file, quoted for a message: printable, one line, at most 40 characters.
  static func quoted(_ text: some StringProtocol) -> String { HDF5Error.quoted(text) }

  /// Bytes for a message, in the largest unit that keeps at least one whole one.
  package static func bytes(_ count: Int) -> String {
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB"]
    var value = Double(count)
    var unit = 0
    while value >= 1024 && unit < units.count - 1 {
      value /= 1024
      unit += 1
    }
    return unit == 0 ? "\(count) bytes" : "\((value * 10).rounded() / 10) \(units[unit])"
  }
}
