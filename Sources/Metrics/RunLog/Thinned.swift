/// Keeps records at even distances in bounded memory: when full, it drops every second one and doubles the distance.
struct Thinned<Record: Sendable>: Sendable {
  private let limit: Int
  private var kept: [Record] = []
  private var last: Record?
  private var distance = 1
  private var seen = 0

  init(limit: Int) { self.limit = limit }

  mutating func append(_ record: Record) {
    if seen % distance == 0, kept.count == limit {
      kept = stride(from: 0, to: kept.count, by: 2).map { kept[$0] }
      distance *= 2
    }
    last = record
    if seen % distance == 0 {
      kept.append(record)
      last = nil
    }
    seen += 1
  }

  /// The kept records and the last one, in order.
  var all: [Record] { kept + (last.map { [$0] } ?? []) }
}

/// Keeps the last `limit` records.
struct LastRecords<Record: Sendable>: Sendable {
  private let limit: Int
  private var ring: [Record] = []
  private var oldest = 0

  init(limit: Int) { self.limit = limit }

  mutating func append(_ record: Record) {
    if ring.count < limit {
      ring.append(record)
    } else {
      ring[oldest] = record
      oldest = (oldest + 1) % limit
    }
  }

  /// The kept records, oldest first.
  var all: [Record] { Array(ring[oldest...] + ring[..<oldest]) }
}
