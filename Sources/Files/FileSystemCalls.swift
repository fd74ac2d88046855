import Glibc
import SystemPackage

/// The system calls of all file operations, so that tests can make each of them fail, fall short or be the last one.
package struct FileSystemCalls: Sendable {
  package enum Operation: String, Sendable, CaseIterable {
    case open, create, write, read, truncate, sync, close, map, lock
    case status, rename, remove, list, makeFolder, freeSpace
  }

  /// The fate of a call.
  package enum Verdict: Sendable {
    case proceed
    /// A write or read moves no more than this many bytes.
    case atMost(Int)
    /// The call is not made and fails with this errno.
    case fail(Int32)
  }

  /// Asked before every call.
  package typealias Rule = @Sendable (Operation, _ path: String) -> Verdict
  private let rule: Rule?

  /// - Parameter rule: nil makes every call.
  package init(rule: Rule? = nil) { self.rule = rule }

  package static let real = FileSystemCalls()

  /// Makes one call, again as long as a signal interrupts it.
  func perform<Value>(
    _ operation: Operation, _ path: String, _ call: (_ limit: Int) throws(Errno) -> Value
  ) throws(FileError) -> Value {
    while true {
      do throws(Errno) {
        switch rule?(operation, path) ?? .proceed {
        case .proceed: return try call(.max)
        case .atMost(let count): return try call(count)
        case .fail(let code): throw Errno(rawValue: code)
        }
      } catch .interrupted where operation != .close {
        continue
      } catch {
        throw FileError(path, operation.verb, error)
      }
    }
  }

  /// The result of a C function that returns a negative number where it fails.
  static func check<Value: BinaryInteger>(_ value: Value) throws(Errno) -> Value {
    guard value >= 0 else { throw Errno(rawValue: errno) }
    return value
  }
}

extension FileSystemCalls.Operation {
  /// For messages.
  var verb: String {
    switch self {
    case .sync: "bring to disk"
    case .makeFolder: "make the folder"
    case .freeSpace: "ask for the free space of"
    case .status: "examine"
    default: rawValue
    }
  }
}
