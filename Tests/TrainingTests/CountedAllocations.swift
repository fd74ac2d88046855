import CAllocations
import Foundation

/// The functions that replace malloc and operator new for every library in the test program: the linker exports them
/// under those names (Package.swift), so nothing needs to be preloaded. Code in a header is only linked if it is used,
/// as here.
private let countedFunctions: [any Sendable] = [
  troupe_counted_malloc, troupe_counted_calloc, troupe_counted_realloc, troupe_counted_aligned_alloc,
  troupe_counted_posix_memalign, troupe_counted__Znwm,
]

/// The number of allocations of each thread so far.
struct CountedAllocations {
  /// By the library that is counted separately, and by all other code.
  typealias Count = (library: Int, own: Int)

  private var threads = [troupe_thread_allocations](repeating: .init(), count: troupe_most_threads)

  /// Reads the counters without allocating, while other threads continue to count.
  mutating func take() {
    for index in 0..<Int(troupe_allocating_threads()) {
      if let thread = troupe_allocations_at(Int32(index)) { threads[index] = thread.pointee }
    }
  }

  /// The allocations since an earlier reading, by thread name; the threads must still run.
  func since(_ earlier: CountedAllocations) -> [String: Count] {
    var difference: [String: Count] = [:]
    for (now, before) in zip(threads, earlier.threads) where now.thread != 0 {
      let comm = try? String(contentsOfFile: "/proc/self/task/\(now.thread)/comm", encoding: .utf8)
      let name = comm?.trimmingCharacters(in: .whitespacesAndNewlines) ?? "ended"
      difference[name, default: (0, 0)].own += Int(now.own - before.own)
      difference[name, default: (0, 0)].library += Int(now.library - before.library)
    }
    return difference
  }

  /// Counts the allocations of a loaded library separately.
  ///
  /// - Returns: whether it is loaded.
  static func countApart(library: String) -> Bool {
    guard !countedFunctions.isEmpty else { return false }
    // Not String(contentsOfFile:), which reads one page of such a file.
    let data = try? FileHandle(forReadingAtPath: "/proc/self/maps")?.readToEnd()
    let maps = String(decoding: (data ?? nil) ?? Data(), as: UTF8.self)
    let ranges = maps.split(separator: "\n").filter { $0.contains(library) }.compactMap { line -> (UInt, UInt)? in
      let ends = line.prefix { $0 != " " }.split(separator: "-").compactMap { UInt($0, radix: 16) }
      return ends.count == 2 ? (ends[0], ends[1]) : nil
    }
    guard let low = ranges.map(\.0).min(), let high = ranges.map(\.1).max() else { return false }
    troupe_count_apart(low, high)
    return true
  }
}
