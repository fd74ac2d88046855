/// Why a text is not JSON, in one line.
package struct JSONError: Error, Equatable, CustomStringConvertible, Sendable {
  package let message: String
  /// Bytes from the start of the text to the flaw.
  package let offset: Int
  /// The flaw's place in the named file; nil without a name.
  package let location: JSON.Location?

  package var description: String { (location?.description ?? "byte \(offset)") + ": " + message }
}
