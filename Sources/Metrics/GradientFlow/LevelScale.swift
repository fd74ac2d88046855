/// Maps values to a few levels, such as the blocks of a curve on a terminal.
package struct LevelScale: Sendable {
  private let low: Double
  private let high: Double
  private let levels: Int

  /// - Parameters:
  ///   - low: the value of the first level; `high` is that of the last.
  ///   - levels: at least 1.
  package init(from low: Double, to high: Double, levels: Int) {
    precondition(levels > 0)
    self.low = low
    self.high = high
    self.levels = levels
  }

  /// The level from 0: the nearest end for a value outside, 0 for an empty scale or a value that is not finite.
  package func level(of value: Double) -> Int {
    guard high > low else { return 0 }
    let place = (value - low) / (high - low) * Double(levels - 1)
    guard place.isFinite else { return 0 }
    return max(0, min(levels - 1, Int(place.rounded())))
  }
}
