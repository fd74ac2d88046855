/// TensorFlow's histogram: buckets that grow by 10 % from 1e-12 to 1e20 on either side of zero (`histogram.cc`).
///
/// Reuse one instance: counting allocates nothing.
package struct TensorBoardHistogram {
  /// Right edges, ascending; a value equal to an edge belongs to the next bucket.
  package static let limits: [Double] = {
    var positive: [Double] = []
    var edge = 1e-12
    while edge < 1e20 {
      positive.append(edge)
      edge *= 1.1
    }
    positive.append(.greatestFiniteMagnitude)
    return positive.reversed().map { -$0 } + [0] + positive
  }()

  private var counts: [Double]
  private var minimum = 0.0
  private var maximum = 0.0
  private var number = 0.0
  private var sum = 0.0
  private var squares = 0.0

  package init() {
    counts = [Double](repeating: 0, count: Self.limits.count)
  }

  /// Counts the finite ones of `values`.
  package mutating func count(_ values: Span<Float>) {
    for index in counts.indices { counts[index] = 0 }
    minimum = .infinity
    maximum = -.infinity
    number = 0
    sum = 0
    squares = 0
    let limits = Self.limits
    for index in values.indices {
      let value = Double(values[index])
      guard value.isFinite else { continue }
      minimum = min(minimum, value)
      maximum = max(maximum, value)
      number += 1
      sum += value
      squares += value * value
      counts[Self.bucket(value, limits)] += 1
    }
    if number == 0 {
      minimum = 0
      maximum = 0
    }
  }

  /// The first bucket whose edge is above `value`.
  package static func bucket(_ value: Double, _ limits: [Double]) -> Int {
    var low = 0
    var high = limits.count - 1
    while low < high {
      let middle = (low + high) / 2
      if limits[middle] > value { high = middle } else { low = middle + 1 }
    }
    return low
  }

  /// `HistogramProto`, with runs of empty buckets merged.
  func encode(into proto: inout ProtoBuffer) {
    var edges: [Double] = []
    var filled: [Double] = []
    for (edge, count) in zip(Self.limits, counts) {
      if count == 0, let last = filled.last, last == 0 {
        edges[edges.count - 1] = edge
      } else {
        edges.append(edge)
        filled.append(count)
      }
    }
    proto.field(1, minimum)
    proto.field(2, maximum)
    proto.field(3, number)
    proto.field(4, sum)
    proto.field(5, squares)
    proto.field(6, packed: edges)
    proto.field(7, packed: filled)
  }
}
