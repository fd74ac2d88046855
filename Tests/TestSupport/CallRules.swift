import Files
import Foundation
import Synchronization

/// Rules over the calls of a write, by their number.
package final class CallCounter: Sendable {
  private let count = Mutex(0)

  package init() {}

  /// The calls made so far.
  package var total: Int { count.withLock { $0 } }

  package func next() -> Int {
    count.withLock { count in
      defer { count += 1 }
      return count
    }
  }
}

extension FileSystemCalls {
  package static func counting(_ counter: CallCounter) -> FileSystemCalls {
    FileSystemCalls { _, _ in
      _ = counter.next()
      return .proceed
    }
  }

  /// The call number `index` fails; all others are made.
  package static func failing(at index: Int, with code: Int32) -> FileSystemCalls {
    let counter = CallCounter()
    return FileSystemCalls { _, _ in counter.next() == index ? .fail(code) : .proceed }
  }

  /// As if the process were killed within call number `index`: a write does a part, any other call nothing, and nothing
  /// happens afterwards, not even cleanup.
  package static func killed(at index: Int) -> FileSystemCalls {
    let counter = CallCounter()
    return FileSystemCalls { operation, _ in
      let call = counter.next()
      if call < index { return .proceed }
      return call == index && operation == .write ? .atMost(100) : .fail(EIO)
    }
  }
}
