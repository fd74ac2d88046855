import Configuration

/// ASHA, asynchronous successive halving (Li et al., "A System for Massively Parallel Hyperparameter Tuning", 2018):
/// of the points that have been trained to a rung, the best 1/eta go on to the next, eta times as far, as soon as they
/// are among those.
package struct SuccessiveHalving: EarlyTermination {
  package let first: TrainingDuration
  package let eta: Int

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    first = try reader.duration("first", "when trials are first paused")
    eta = try reader.integer("eta", default: 4, in: 2...100, "one of so many goes on, so many times as far")
  }

  package init(first: TrainingDuration, eta: Int) {
    self.first = first
    self.eta = eta
  }

  package func counts(below whole: Int) -> [Int] { powers(of: eta, from: first.count, below: whole) }

  package func firstRung(ofPoint number: Int, rungCount: Int) -> Int { 0 }

  package func verdicts(_ points: [RungRecord], rungCount: Int) -> TerminationVerdicts {
    TerminationVerdicts(promoted: promotion(points, Array(points.indices), rungCount: rungCount, eta: eta))
  }
}

/// Hyperband (Li et al., 2017), asynchronous as in the ASHA paper: points go into brackets in turn, as many into each as
/// Hyperband gives it; bracket b is first judged at rung b, so that slow starters have their chance.
package struct Hyperband: EarlyTermination {
  package let first: TrainingDuration
  package let eta: Int

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    first = try reader.duration("first", "when the trials of the first bracket are first paused")
    eta = try reader.integer("eta", default: 3, in: 2...100, "one of so many goes on, so many times as far")
  }

  package init(first: TrainingDuration, eta: Int) {
    self.first = first
    self.eta = eta
  }

  package func counts(below whole: Int) -> [Int] { powers(of: eta, from: first.count, below: whole) }

  /// n(s) = ⌈(S + 1) / (s + 1) · eta^s⌉ points in the bracket that is halved s times, of S at most.
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
      if let promoted = promotion(points, members, rungCount: rungCount, eta: eta) {
        return TerminationVerdicts(promoted: promoted)
      }
    }
    return TerminationVerdicts()
  }
}

private func powers(of eta: Int, from first: Int, below whole: Int) -> [Int] {
  Array(sequence(first: first) { $0.multipliedReportingOverflow(by: eta).partialValue }.prefix { $0 > 0 && $0 < whole })
}

/// The point of `members` that goes on, from the highest rung downwards: the best of those that wait and are among the
/// best 1/eta that have been judged at the rung.
private func promotion(_ points: [RungRecord], _ members: [Int], rungCount: Int, eta: Int) -> Int? {
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
