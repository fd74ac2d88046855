import Tensors

/// How real drawn pictures look, and how much of what is real gets drawn (Kynkäänniemi et al. 2019, arXiv:1904.06991).
///
/// A picture lies among others where it is no farther from one of them than that one's k-th nearest neighbour in its own set.
package struct PrecisionRecall: Sendable, Equatable {
  /// The share of drawn pictures that lie among the real ones.
  package let precision: Double
  /// The share of real pictures that lie among the drawn ones.
  package let recall: Double

  /// As in the paper.
  package static let neighbours = 3

  /// - Parameters: of the same width, more rows each than there are neighbours.
  package init(real: FeatureTable, drawn: FeatureTable, neighbours: Int = Self.neighbours, lanes: Int = 1) {
    precondition(real.width == drawn.width && min(real.count, drawn.count) > neighbours)
    precision = Self.share(of: drawn, among: real, neighbours, lanes)
    recall = Self.share(of: real, among: drawn, neighbours, lanes)
  }

  private static func share(of points: FeatureTable, among others: FeatureTable, _ neighbours: Int, _ lanes: Int)
    -> Double
  {
    let radii = SharedArray(repeating: Float(0), count: others.count)
    let hits = SharedArray(repeating: 0, count: points.count)
    LaneThread.run(lanes) { lane in
      for row in stride(from: lane, to: others.count, by: lanes) {
        // The nearest ones, in order; itself is not one of its neighbours.
        var nearest = [Float](repeating: .infinity, count: neighbours)
        for other in 0..<others.count where other != row {
          let distance = squaredDistance(others, row, others, other)
          guard var place = nearest.firstIndex(where: { distance < $0 }) else { continue }
          nearest.removeLast()
          place = min(place, nearest.count)
          nearest.insert(distance, at: place)
        }
        radii[row] = nearest[neighbours - 1]
      }
    }
    LaneThread.run(lanes) { lane in
      for row in stride(from: lane, to: points.count, by: lanes) {
        for other in 0..<others.count where squaredDistance(points, row, others, other) <= radii[other] {
          hits[row] = 1
          break
        }
      }
    }
    return Double((0..<points.count).reduce(0) { $0 + hits[$1] }) / Double(points.count)
  }

  private static func squaredDistance(_ a: FeatureTable, _ row: Int, _ b: FeatureTable, _ other: Int) -> Float {
    let width = a.width
    let (x, y) = (a.values.span, b.values.span)
    var sums = SIMD16<Float>(repeating: 0)
    var sum: Float = 0
    let (first, second) = (row * width, other * width)
    var index = 0
    while index + 16 <= width {
      var difference = SIMD16<Float>()
      for lane in 0..<16 { difference[lane] = x[first + index + lane] - y[second + index + lane] }
      sums += difference * difference
      index += 16
    }
    while index < width {
      let difference = x[first + index] - y[second + index]
      sum += difference * difference
      index += 1
    }
    return sum + sums.sum()
  }
}
