/// A curve as one line of text: blocks of eight heights.
package enum Sparkline {
  private static let blocks = Array("▁▂▃▄▅▆▇█")

  /// The means of neighbors where there are more values than places; values that are not finite are left out.
  ///
  /// - Parameters:
  ///   - width: the most characters.
  ///   - low: the value of the lowest block; the smallest drawn value by default.
  ///   - high: the value of the highest block; the largest drawn value by default.
  package static func text(_ values: [Double], width: Int, from low: Double? = nil, to high: Double? = nil) -> String {
    let finite = values.filter(\.isFinite)
    guard !finite.isEmpty, width > 0 else { return "–" }
    let buckets = min(width, finite.count)
    let means = (0..<buckets).map { bucket in
      let range = finite[bucket * finite.count / buckets..<(bucket + 1) * finite.count / buckets]
      return range.reduce(0, +) / Double(range.count)
    }
    let scale = LevelScale(from: low ?? means.min() ?? 0, to: high ?? means.max() ?? 0, levels: blocks.count)
    return String(means.map { blocks[scale.level(of: $0)] })
  }
}
