import Files

/// Why a data set could not be fetched, in one line.
package struct FetchError: Error, Equatable, CustomStringConvertible {
  /// The address or the file.
  package var subject: String
  package var problem: String
  /// What the user can do.
  package var advice: String

  package init(_ subject: String, _ problem: String, advice: String) {
    self.subject = subject
    self.problem = problem
    self.advice = advice
  }

  init(_ error: FileError, advice: String) {
    self.init(error.path, "cannot \(error.operation): \(error.reason)", advice: advice)
  }

  package var description: String {
    "\(subject): \(problem); \(advice)".inOneLine
  }
}
