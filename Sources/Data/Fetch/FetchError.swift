import Files

/// Why a data set could not be fetched, in one line.
package struct FetchError: Error, Equatable, CustomStringConvertible {
  package let description: String

  /// - Parameter subject: the address or the file.
  init(_ subject: String, _ problem: String, advice: String) {
    description = "\(subject): \(problem); \(advice)".inOneLine
  }

  init(_ error: FileError, advice: String) {
    self.init(error.path, "cannot \(error.operation): \(error.reason)", advice: advice)
  }
}
