/// Values as one of a few levels, as the blocks of a curve on a terminal are.
package struct LevelScale: Sendable {
  private let low: Double
  private let high: Double
  private let levels: Int

  /// - Parameters:
  ///   - low: what the first level stands for, and `high` the last.
  ///   - levels: at least 1.
  package init(from low: Double, to high: Double, levels: Int) {
    precondition(levels > 0)
    self.low = low
    self.high = high
    self.levels = levels
  }

  /// From 0; the nearest end for what lies outside, and the first where there is no scale or no number.
  package func level(of value: Double) -> Int {
    guard high > low else { return 0 }
    let place = (value - low) / (high - low) * Double(levels - 1)
    guard place.isFinite else { return 0 }
    return max(0, min(levels - 1, Int(place.rounded())))
  }
}
