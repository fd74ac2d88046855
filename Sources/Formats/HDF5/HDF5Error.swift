/// Why an HDF5 file cannot be read or made: the place in it, what was expected, what was found and what to do.
package struct HDF5Error: Error, Equatable {
  /// Empty where the whole file is meant.
  package var place: String
  package var expected: String
  package var found: String
  package var advice: String

  package init(_ expected: String, _ found: String, at place: String = "", advice: String = "") {
    self.place = place
    self.expected = expected
    self.found = found
    self.advice = advice
  }
}
