import SystemPackage

/// A file operation that failed, in one line.
package struct FileError: Error, Equatable, Sendable, CustomStringConvertible {
  package let path: String
  /// A verb, such as "open" or "write".
  package let operation: String
  package let reason: String
  /// The error number of the system call; nil where no call failed.
  package let code: Errno?

  /// The type of a file that is not regular, such as "a pipe"; nil for other errors.
  package let irregularType: String?

  package init(_ path: String, _ operation: String, reason: String) {
    self.init(path, operation, reason, nil)
  }

  init(_ path: String, _ operation: String, irregularType type: String) {
    self.init(path, operation, "expected a regular file, found \(type)", nil, irregularType: type)
  }

  package init(_ path: String, _ operation: String, _ code: Errno) {
    self.init(path, operation, code.description, code)
  }

  private init(
    _ path: String, _ operation: String, _ reason: String, _ code: Errno?, irregularType: String? = nil
  ) {
    self.path = path
    self.operation = operation
    self.reason = reason
    self.code = code
    self.irregularType = irregularType
  }

  /// Whether a message, of this or another process, says that a disk or a quota has no room.
  package static func isOfFullDisk(_ message: String) -> Bool {
    // The last two are of what asks for the room before it writes.
    [Errno.noSpace.description, Errno.diskQuotaExceeded.description, " bytes free, ", " are free; "].contains {
      message.contains($0)
    }
  }

  /// The same error under the name of another file.
  func of(_ path: String) -> FileError {
    FileError(path, operation, reason, code, irregularType: irregularType)
  }

  package var description: String { "cannot \(operation) \(path): \(reason)".inOneLine }
}

/// An error of a room, which can hold one of its files.
package protocol FileErrorWrapper: Error {
  init(_ error: FileError)
}

extension FileErrorWrapper {
  /// Runs what uses files.
  package static func files<Result: ~Copyable>(_ body: () throws(FileError) -> Result) throws(Self) -> Result {
    do throws(FileError) {
      return try body()
    } catch {
      throw Self(error)
    }
  }
}

extension String {
  /// The text for a terminal: names of files may hold anything, so line ends become spaces and control characters "?".
  package var inOneLine: String {
    String(
      map { character in
        if character.isNewline { return " " }
        return character.unicodeScalars.contains { $0.properties.generalCategory == .control } ? "?" : character
      })
  }
}
