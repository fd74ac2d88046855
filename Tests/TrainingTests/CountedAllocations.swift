import CAllocations
import Foundation

/// The functions that stand in front of malloc and operator new for every library in the test program: the linker gives
/// them those names and exports them (Package.swift), so nothing needs to be preloaded. Named here because code in a
/// header is only there when it is used.
private let countedFunctions: [any Sendable] = [
  troupe_counted_malloc, troupe_counted_calloc, troupe_counted_realloc, troupe_counted_aligned_alloc,
  troupe_counted_posix_memalign, troupe_counted__Znwm,
]

/// How often each thread has allocated so far.
struct CountedAllocations {
  /// By the library that is counted apart, and by everything else.
  typealias Count = (library: Int, own: Int)

  private var threads = [troupe_thread_allocations](repeating: .init(), count: troupe_most_threads)

  /// Reads the counters, allocating nothing itself. Other threads go on counting meanwhile.
  mutating func take() {
    for index in 0..<Int(troupe_allocating_threads()) {
      if let thread = troupe_allocations_at(Int32(index)) { threads[index] = thread.pointee }
    }
  }

  /// What was allocated since an earlier look, by the names of the threads, which must be alive.
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

  /// Counts apart what the code of a loaded library allocates.
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
