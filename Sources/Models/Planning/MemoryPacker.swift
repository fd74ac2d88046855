import Tensors

/// Packs tensors that live at different times into the same memory.
///
/// Greedy by size (Pisarchyk and Lee 2020): the largest tensor first, each at the lowest offset where it meets no
/// tensor that lives at the same time.
package struct MemoryPacker {
  package struct Request {
    package let byteCount: Int
    /// First and last moments at which the tensor must exist; between two of them it may be overwritten.
    package let lifetimes: [ClosedRange<Int>]

    fileprivate var start: Int { lifetimes.first?.lowerBound ?? 0 }
  }

  package private(set) var requests: [Request] = []

  package init() {}

  /// - Returns: a ticket that `pack()` turns into an offset.
  package mutating func add(byteCount: Int, lifetimes: [ClosedRange<Int>]) -> Int {
    requests.append(Request(byteCount: Arena.aligned(max(byteCount, 1)), lifetimes: lifetimes))
    return requests.count - 1
  }

  /// - Returns: the offset of each request, and the bytes that hold them all.
  package func pack() -> (offsets: [Int], byteCount: Int) {
    var offsets = [Int](repeating: 0, count: requests.count)
    var timeline = MemoryTimeline(momentCount: (requests.lazy.flatMap(\.lifetimes).map(\.upperBound).max() ?? 0) + 1)
    var total = 0
    let largestFirst = requests.indices.sorted {
      (requests[$0].byteCount, requests[$1].start) > (requests[$1].byteCount, requests[$0].start)
    }
    for ticket in largestFirst {
      let request = requests[ticket]
      let offset = timeline.lowestOffset(of: request.byteCount, during: request.lifetimes)
      timeline.take(offset..<offset + request.byteCount, during: request.lifetimes)
      offsets[ticket] = offset
      total = max(total, offset + request.byteCount)
    }
    return (offsets, total)
  }
}
