import Files

/// The reason that a run cannot start or continue, in one line.
package struct RunError: FileErrorWrapper, CustomStringConvertible, Sendable {
  package enum Cause: Sendable {
    /// The configuration or the command line is wrong.
    case configuration
    case failure
  }

  package let cause: Cause
  package let description: String

  package init(_ cause: Cause, _ description: String) {
    self.cause = cause
    self.description = description
  }

  package init(_ description: String) { self.init(.failure, description) }

  package init(_ error: FileError) { self.init(error.description) }

  /// The result of `body`, with an error as one of the configuration.
  static func configuration<Value, Failure: Error & CustomStringConvertible>(
    _ body: () throws(Failure) -> Value
  ) throws(RunError) -> Value {
    do throws(Failure) { return try body() } catch { throw RunError(.configuration, error.description) }
  }
}
