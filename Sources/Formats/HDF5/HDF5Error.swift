/// Why an HDF5 file cannot be read.
package enum HDF5Error: Error {
  /// Something in it is not as it should be; `place` is empty where the whole file is meant.
  case flaw(place: String, expected: String, found: String, advice: String)
  /// Its bytes could not be had: the error of whoever reads them.
  case source(any Error)

  static func flaw(
    _ expected: String, _ found: String, at place: String = "", advice: String = "the file is damaged"
  ) -> HDF5Error {
    .flaw(place: place, expected: expected, found: found, advice: advice)
  }

  /// What there is to do about a file of a kind that is not read.
  static let saveAgain = "save it again with h5py's defaults (no libver=\"latest\")"

  /// A name from the file, quoted for a message: printable, one line, at most 40 characters.
  package static func quoted(_ text: some StringProtocol) -> String {
    let longest = 40
    let shown = text.prefix(longest).map { character in
      character.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F } ? character : "\u{FFFD}"
    }
    return "\"" + String(shown) + (text.count > longest ? "…" : "") + "\""
  }
}

/// Gives the `count` bytes at an address; it throws where the file does not hold them.
package typealias HDF5Reader = (_ address: UInt64, _ count: UInt64) throws(HDF5Error) -> HDF5Block
