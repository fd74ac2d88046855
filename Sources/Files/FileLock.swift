import Foundation
import Glibc
import SystemPackage

/// An exclusive lock on a file, held as long as it lives; the kernel drops it with the process.
package final class FileLock: Sendable {
  private let file: OpenFile

  /// Microseconds between two attempts.
  private static let pause: UInt32 = 20_000

  /// Takes the lock, and makes the file where there is none.
  ///
  /// - Parameter attempts: a process that is ending, or one between fork and exec, holds on to a lock a little longer.
  /// - Throws: also where another process, or another lock of this one, holds the file; `isHeldElsewhere` then.
  package convenience init(_ file: URL, attempts: Int = 1, calls: FileSystemCalls = .real) throws(FileError) {
    try self.init(calls.openToAppend(file.systemPath), attempts, calls)
  }

  /// Takes the lock of a folder.
  package convenience init(folder: String, calls: FileSystemCalls = .real) throws(FileError) {
    try self.init(calls.openAny(.open, folder, O_RDONLY | O_DIRECTORY), 1, calls)
  }

  private init(_ file: consuming OpenFile, _ attempts: Int, _ calls: FileSystemCalls) throws(FileError) {
    self.file = file
    for attempt in 1... {
      do throws(FileError) {
        try calls.lock(self.file, LOCK_EX | LOCK_NB)
        return
      } catch {
        guard error.isHeldElsewhere, attempt < attempts else { throw error }
        usleep(Self.pause)
      }
    }
  }

  /// Whether a living process holds the lock of `file`.
  ///
  /// A lock that is free is shared for a moment, so that those who ask do not take one another for its holder. Any other
  /// error, of a file system without locks or of a file that is no regular one, counts as no holder; taken for a lock it
  /// would be waited for.
  package static func isHeld(_ file: URL) -> Bool {
    let calls = FileSystemCalls.real
    do throws(FileError) {
      try calls.lock(calls.open(file.systemPath), LOCK_SH | LOCK_NB)
      return false
    } catch {
      return error.isHeldElsewhere
    }
  }
}

extension FileError {
  /// Whether the file is locked by another owner.
  package var isHeldElsewhere: Bool { code == .wouldBlock }
}
