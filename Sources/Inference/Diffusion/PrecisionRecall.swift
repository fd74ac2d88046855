import Tensors

/// Precision and recall of drawn images (Kynkäänniemi et al. 2019, arXiv:1904.06991).
///
/// An image lies among others if it is no farther from one of them than that one's k-th nearest neighbor in its own
/// set.
package struct PrecisionRecall: Sendable, Equatable {
  /// The share of drawn images that lie among the real ones.
  package let precision: Double
  /// The share of real images that lie among the drawn ones.
  package let recall: Double

  /// As in the paper.
  package static let neighbors = 3

  /// - Parameters: of the same width, more rows each than neighbors.
  package init(real: FeatureTable, drawn: FeatureTable, neighbors: Int = Self.neighbors, lanes: Int = 1) {
    precondition(real.width == drawn.width && min(real.count, drawn.count) > neighbors)
    precision = Self.share(of: drawn, among: real, neighbors, lanes)
    recall = Self.share(of: real, among: drawn, neighbors, lanes)
  }

  private static func share(of points: FeatureTable, among others: FeatureTable, _ neighbors: Int, _ lanes: Int)
    -> Double
  {
    let radii = SharedArray(repeating: Float(0), count: others.count)
    let hits = SharedArray(repeating: 0, count: points.count)
    LaneThread.run(lanes) { lane in
      for row in stride(from: lane, to: others.count, by: lanes) {
        // The distances of the nearest other rows, in order.
        var nearest = [Float](repeating: .infinity, count: neighbors)
        for other in 0..<others.count where other != row {
          let distance = squaredDistance(others, row, others, other)
          guard var place = nearest.firstIndex(where: { distance < $0 }) else { continue }
          nearest.removeLast()
          place = min(place, nearest.count)
          nearest.insert(distance, at: place)
        }
        radii[row] = nearest[neighbors - 1]
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
