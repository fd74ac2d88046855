import Files
import Formats

/// An error in a data set, in one line: the place, what was expected, what was found and what to do about it.
package struct DataError: FileErrorWrapper, Equatable, CustomStringConvertible {
  /// The file, or the kind of generated set ("spirals").
  package var subject: String
  /// A line and column, a byte offset, a sample or a key; empty for the whole subject.
  package var place: String
  package var expected: String
  package var found: String
  /// Empty where it is plain what to do.
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
    if let type = error.irregularType {
      self.init(error.path, expected: "a regular file", found: type, advice: advice)
    } else {
      self.init(error.path, expected: "a file to \(error.operation)", found: error.reason, advice: advice)
    }
  }

  static func quoted(_ text: some StringProtocol) -> String { MessageText.quoted(text) }

  /// The text that `bytes` of `subject` stand for.
  ///
  /// - Throws: where they are not UTF-8: repaired, two different names could become one.
  static func text(
    _ bytes: some Sequence<UInt8>, of subject: String, at place: @autoclosure () -> String
  ) throws(DataError) -> String {
    if let text = String(validating: bytes, as: UTF8.self) { return text }
    throw DataError(
      subject, at: place(), expected: MessageText.unicode, found: MessageText.flaw(of: Array(bytes)),
      advice: "save the file in UTF-8")
  }
  package static func bytes(_ count: Int) -> String { MessageText.bytes(count) }

  /// - Parameter path: the archive.
  init(_ path: String, _ error: TarError) {
    switch error {
    case .flaw(let place, let expected, let found, let advice):
      self.init(path, at: place, expected: expected, found: found, advice: advice)
    case .source(let error as DataError): self = error
    case .source(let error): self.init(path, expected: "readable data", found: "\(error)")
    }
  }
}
