import Configuration

/// The median stopping rule (Golovin et al., "Google Vizier", 2017): a point is stopped where its best value so far is
/// worse than the median of the other points' means up to the same rung.
package struct MedianStop: EarlyTermination {
  package let first: TrainingDuration
  package let every: TrainingDuration?
  package let fewest: Int

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    first = try reader.duration("first", "the training before the first pause")
    every = try reader.optionalDuration("every", "the training between later pauses; as long as \"first\" if absent")
    fewest = try reader.integer(
      "min_points", default: 5, in: 1...10_000, "other points at the same rung before any point is stopped")
    let unit = every?.unit ?? first.unit
    try reader.require(unit == first.unit, "every", "must have the unit of \"first\", \(first)")
  }

  package init(first: TrainingDuration, every: TrainingDuration? = nil, fewest: Int) {
    self.first = first
    self.every = every
    self.fewest = fewest
  }

  package func counts(below whole: Int) -> [Int] {
    // One more than the most is enough to be refused.
    Array(stride(from: first.count, to: whole, by: max(1, (every ?? first).count)).prefix(RungPlan.most))
  }

  package func verdicts(_ points: [RungRecord], rungCount: Int) -> TerminationVerdicts {
    var verdicts = TerminationVerdicts()
    for (number, point) in points.enumerated() where point.isWaiting {
      func upTo(_ other: RungRecord) -> [Double] { (0...point.rung).compactMap { other.costs[$0] } }
      let best = upTo(point).min() ?? .infinity
      let others = points.indices.filter { $0 != number && points[$0].costs[point.rung] != nil }
        .map { index in upTo(points[index]).reduce(0, +) / Double(upTo(points[index]).count) }.sorted()
      let isBad = others.count >= fewest && best > (others[(others.count - 1) / 2] + others[others.count / 2]) / 2
      if !best.isFinite || isBad {
        verdicts.stopped.append((number, best.isFinite ? "worse than the median of the others" : "not finite"))
      } else if verdicts.promoted == nil {
        verdicts.promoted = number
      }
    }
    return verdicts
  }
}
