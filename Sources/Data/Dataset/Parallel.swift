import Dispatch
import Synchronization

/// Work in parts on all cores, before a run begins.
enum Parallel {
  /// The results of `work` for 0 ..< count in pieces of `chunk`, in order.
  static func map<Part: Sendable>(count: Int, chunk: Int, _ work: @Sendable (Range<Int>) -> Part) -> [Part] {
    let pieces = (count + chunk - 1) / chunk
    let parts = Mutex([Part?](repeating: nil, count: pieces))
    DispatchQueue.concurrentPerform(iterations: pieces) { piece in
      let part = work(piece * chunk..<min((piece + 1) * chunk, count))
      parts.withLock { $0[piece] = part }
    }
    return parts.withLock { $0.compactMap(\.self) }
  }
}
