import Configuration

/// A rule in which the best 1/eta of the points at a rung continue to the next, eta times as far.
package protocol HalvingRule: EarlyTermination {
  var eta: Int { get }
}

extension HalvingRule {
  package func counts(below whole: Int) -> [Int] {
    let powers = sequence(first: first.count) { $0.multipliedReportingOverflow(by: eta).partialValue }
    return Array(powers.prefix { $0 > 0 && $0 < whole })
  }

  /// The point of `members` that continues, from the highest rung downwards: the best of those that wait and are among
  /// the best 1/eta at the rung.
  fileprivate func promotion(_ points: [RungRecord], among members: [Int], rungCount: Int) -> Int? {
    for rung in (0..<max(0, rungCount - 1)).reversed() {
      let judged = members.filter { points[$0].costs[rung] != nil }
      func cost(_ point: Int) -> Double { points[point].costs[rung] ?? .infinity }
      let best = judged.sorted { (cost($0), $0) < (cost($1), $1) }.prefix(judged.count / eta)
      if let next = best.first(where: { points[$0].isWaiting && points[$0].rung == rung && cost($0).isFinite }) {
        return next
      }
    }
    return nil
  }
}

/// ASHA, asynchronous successive halving (Li et al., "A System for Massively Parallel Hyperparameter Tuning", 2018): a
/// point continues as soon as it is among the best of its rung.
package struct SuccessiveHalving: HalvingRule {
  package let first: TrainingDuration
  package let eta: Int

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    first = try reader.duration("first", "the training before the first pause")
    eta = try reader.integer("eta", default: 4, in: 2...100, "one in eta points continues, eta times as far")
  }

  package init(first: TrainingDuration, eta: Int) { (self.first, self.eta) = (first, eta) }

  package func verdicts(_ points: [RungRecord], rungCount: Int) -> TerminationVerdicts {
    TerminationVerdicts(promoted: promotion(points, among: Array(points.indices), rungCount: rungCount))
  }
}

/// Hyperband (Li et al., 2017), asynchronous as in the ASHA paper: points go into brackets in turn, as many into each
/// as in Hyperband; bracket b is first paused at rung b, which favors slow starters.
package struct Hyperband: HalvingRule {
  package let first: TrainingDuration
  package let eta: Int

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    first = try reader.duration("first", "the training before the first pause, in the first bracket")
    eta = try reader.integer("eta", default: 3, in: 2...100, "one in eta points continues, eta times as far")
  }

  package init(first: TrainingDuration, eta: Int) { (self.first, self.eta) = (first, eta) }

  /// n(s) = ⌈(S + 1) / (s + 1) · eta^s⌉ points in the bracket that is halved s times, of at most S.
  package func firstRung(ofPoint number: Int, rungCount: Int) -> Int {
    let sizes = (0..<rungCount).map { bracket in
      let halvings = rungCount - 1 - bracket
      let size = (0..<halvings).reduce(rungCount) { product, _ in
        product.multipliedReportingOverflow(by: eta).partialValue
      }
      return max(1, (size + halvings) / (halvings + 1))
    }
    var place = number % max(1, sizes.reduce(0, +))
    for (bracket, size) in sizes.enumerated() {
      if place < size { return bracket }
      place -= size
    }
    return 0
  }

  package func verdicts(_ points: [RungRecord], rungCount: Int) -> TerminationVerdicts {
    for bracket in 0..<rungCount {
      let members = points.indices.filter { points[$0].firstRung == bracket }
      if let promoted = promotion(points, among: members, rungCount: rungCount) {
        return TerminationVerdicts(promoted: promoted)
      }
    }
    return TerminationVerdicts()
  }
}
