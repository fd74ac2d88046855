import Files

/// Why a checkpoint could not be written, trusted or read: one line for people.
package struct CheckpointError: Error, CustomStringConvertible, Equatable {
  package let description: String
  /// The errno of the system call that failed, where one did.
  package let code: Int32?

  /// Names come from files, so nothing in them may start a new line or flood the terminal.
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

  /// Any error of what a checkpoint is made of.
  init(_ error: any Error) {
    self = error as? CheckpointError ?? CheckpointError("\(error)", code: (error as? FileError)?.code?.rawValue)
  }

  /// Runs what uses files.
  static func files<Result: ~Copyable>(_ body: () throws(FileError) -> Result) throws(CheckpointError) -> Result {
    do throws(FileError) {
      return try body()
    } catch {
      throw CheckpointError(error)
    }
  }

  /// The same error with what it was part of in front.
  func within(_ context: String) -> CheckpointError { CheckpointError("\(context): \(description)", code: code) }
}
