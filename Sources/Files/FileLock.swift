import FoundationEssentials
import Glibc

/// An exclusive lock on a file, held as long as it lives; the kernel drops it with the process.
package final class FileLock: Sendable {
  package enum Failure: Error, Equatable {
    /// Another process, or another lock of this one, holds the file.
    case held
    /// An `errno` of the system.
    case system(Int32)

    /// For the end of a sentence.
    package var reason: String {
      switch self {
      case .held: ": another process holds it"
      case .system(let code): ": \(String(cString: strerror(code)))"
      }
    }
  }

  private let descriptor: Int32

  /// Between two attempts.
  private static let pause: UInt32 = 20_000

  /// Takes the lock, and makes the file where there is none.
  ///
  /// - Parameter attempts: a process that is ending, or one between fork and exec, holds on to a lock a little longer.
  package init(_ file: URL, attempts: Int = 1) throws(Failure) {
    descriptor = open(file.systemPath, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    // Not closed where this throws: `deinit` runs all the same.
    guard descriptor >= 0 else { throw .system(errno) }
    for attempt in 1... {
      if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return }
      guard errno == EWOULDBLOCK || errno == EINTR else { throw .system(errno) }
      guard attempt < attempts else { throw .held }
      usleep(Self.pause)
    }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Whether a living process holds the lock of `file`.
  ///
  /// A lock that is free is shared for a moment, so that those who ask do not take one another for its holder. Any
  /// other error, of a file system without locks, tells of nobody; taken for a lock it would be waited for.
  package static func isHeld(_ file: URL) -> Bool {
    let descriptor = open(file.systemPath, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    return flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK
  }
}
