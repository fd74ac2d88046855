import Foundation

extension URL {
  /// The path in the form that system calls expect.
  package var systemPath: String { path(percentEncoded: false) }
}
