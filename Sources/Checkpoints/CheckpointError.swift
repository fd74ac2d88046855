import Files
import Formats

/// The reason why a checkpoint could not be written, trusted or read, in one line.
package struct CheckpointError: FileErrorWrapper, CustomStringConvertible, Equatable {
  package let description: String
  /// The errno of the system call that failed, where one did.
  package let code: Int32?

  // Names come from files, so nothing in them may start a new line or flood the terminal.
  private static let longestDescription = 2_000

  package init(_ description: String, code: Int32? = nil) {
    var line = ""
    for scalar in description.unicodeScalars.prefix(Self.longestDescription) {
      if scalar.properties.generalCategory == .control {
        line += "\u{FFFD}"
      } else {
        line.unicodeScalars.append(scalar)
      }
    }
    self.description = line
    self.code = code
  }

  init(_ error: HDF5Error) {
    self.init((error.place.isEmpty ? "" : "\(error.place): ") + "expected \(error.expected), found \(error.found)")
  }

  package init(_ error: FileError) { self.init(error.description, code: error.code?.rawValue) }

  /// Any error of what a checkpoint is made of.
  init(_ error: any Error) {
    switch error {
    case let error as CheckpointError: self = error
    case let error as FileError: self.init(error)
    default: self.init("\(error)")
    }
  }

  /// The same error with a prefix.
  func within(_ context: String) -> CheckpointError { CheckpointError("\(context): \(description)", code: code) }
}
