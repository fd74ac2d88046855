/// Why a tar archive cannot be read.
package enum TarError: Error {
  /// Something in the archive is wrong.
  case flaw(place: String, expected: String, found: String, advice: String)
  /// The archive's bytes could not be read: the error of their source.
  case source(any Error)

  static func flaw(
    at place: String, expected: String, found: String, advice: String = "the archive is damaged"
  ) -> TarError {
    .flaw(place: place, expected: expected, found: found, advice: advice)
  }
}
