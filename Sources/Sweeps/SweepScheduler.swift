import Configuration
import JSON
import Runs

/// The next action of a worker.
package enum SweepAction: Sendable, Equatable {
  /// Train a trial, which is claimed now, to a rung.
  case run(point: Int, seed: Int, rung: Int)
  /// The next action depends on the results of other workers.
  case wait
  case done(SweepEnd)
}

/// The reason for the end of a sweep.
package enum SweepEnd: String, Sendable {
  case complete
  case target = "target reached"
  case timeCap = "time cap reached"
}

/// Decides the next action: a function of the definition and the journal.
package struct SweepScheduler: Sendable {
  package let definition: SweepDefinition
  private let sampler: any Sampler
  private let pointCount: Int?

  /// Proposals for a point before the space counts as used up.
  private let mostAttempts: Int

  private static let mostDraws = 200

  package init(_ definition: SweepDefinition) {
    self.definition = definition
    sampler = definition.sampler
    let pointCount = definition.space.count(most: SearchSpace.mostGridPoints)
    self.pointCount = pointCount
    // A grid may have any number of points with the same trial before the next new one.
    mostAttempts = definition.settings.method.isRandom ? Self.mostDraws : pointCount ?? 0
  }

  /// - Parameter isAlive: whether a worker is still expected to finish its claims.
  /// - Returns: entries for the journal, and the action after they are written.
  package func next(
    _ known: SweepState, worker: String, isAlive: (String) -> Bool
  ) throws(RunError) -> (entries: [JournalEntry], action: SweepAction) {
    var state = known
    var entries: [JournalEntry] = []
    func write(_ entry: JournalEntry) throws(RunError) {
      try state.apply(entry, time: 0)
      entries.append(entry)
    }
    func take(_ point: Int, _ seed: Int, _ rung: Int) throws(RunError) -> ([JournalEntry], SweepAction) {
      try write(.claim(point: point, seed: seed, rung: rung, worker: worker))
      return (entries, .run(point: point, seed: seed, rung: rung))
    }

    try checkMetric(state)
    if let end = end(state) { return ([], .done(end)) }
    for point in state.points where point.refusal == nil && point.stopReason == nil {
      for (seed, trial) in point.trials.enumerated() where !trial.hasFailed && trial.result(at: point.rung) == nil {
        if let claim = trial.claim, isAlive(claim.worker) { continue }
        return try take(point.number, seed, point.rung)
      }
    }
    if let rule = definition.settings.termination {
      let records = state.records(definition.metric, rungCount: definition.rungs.count)
      let verdicts = rule.verdicts(records, rungCount: definition.rungs.count)
      for (point, reason) in verdicts.stopped { try write(.stop(point: point, reason: reason)) }
      if let promoted = verdicts.promoted {
        let point = state.points[promoted]
        let seed = point.trials.firstIndex { !$0.isFinished } ?? 0
        return try take(promoted, seed, point.rung + 1)
      }
    }
    while let (assignment, trials, refusal) = try proposal(state) {
      let number = state.points.count
      try write(.point(number: number, assignment: assignment, trials: trials, refusal: refusal))
      if refusal == nil { return try take(number, 0, state.points[number].rung) }
    }
    let isAnyoneAtWork = state.points.contains { point in
      point.trials.contains { trial in trial.claim.map { isAlive($0.worker) } ?? false }
    }
    return (entries, isAnyoneAtWork ? .wait : .done(.complete))
  }

  /// The reason to stop before the space is used up, if there is one.
  package func end(_ state: SweepState) -> SweepEnd? {
    if let target = definition.metric.target,
      let best = state.ranking(definition.metric, rungCount: definition.rungs.count).first,
      definition.metric.cost(best.value) <= definition.metric.cost(target)
    {
      return .target
    }
    if let cap = definition.settings.timeCap, state.elapsed >= cap { return .timeCap }
    return nil
  }

  /// Refuses a metric that a successful run does not report.
  private func checkMetric(_ state: SweepState) throws(RunError) {
    for trial in state.points.flatMap(\.trials) {
      guard let result = trial.lastResult, result.value(of: definition.metric.name) == nil else { continue }
      throw RunError(
        .configuration,
        "metric.name: no trial reports \"\(definition.metric.name)\"; trial \(trial.id) reports "
          + result.metrics.map(\.name).joined(separator: ", ") + "; its run is kept")
    }
  }

  /// The next point with its trials' ids; nil where the space is used up.
  private func proposal(
    _ state: SweepState
  ) throws(RunError) -> (assignment: [JSON.Member], trials: [String], refusal: String?)? {
    guard let header = state.header else { return nil }
    let number = state.points.count
    guard number < min(definition.pointCap ?? .max, pointCount ?? .max) else { return nil }
    // The first points do not depend on them.
    let observations = number < sampler.startup ?? .max ? [] : observations(state)
    proposals: for attempt in 0..<mostAttempts {
      guard let assignment = sampler.propose(number: number, attempt: attempt, observations: observations) else {
        return nil
      }
      let values = json(of: assignment)
      // The same numbers in another spelling have other ids.
      if state.points.contains(where: { isSame($0.assignment, assignment) }) { continue }
      do throws(ConfigurationError) {
        var ids: [String] = []
        for seed in header.seeds {
          let trial = try TrialConfiguration(definition, assignment, seed: seed, microBatches: header.microBatches)
          if state.ids.contains(trial.id) { continue proposals }
          ids.append(trial.id)
        }
        guard Set(ids).count == ids.count else {
          throw ConfigurationError(
            path: "seeds", message: "the seed is a parameter too, so several seeds of a point are the same trial")
        }
        return (values.members ?? [], ids, nil)
      } catch {
        return (values.members ?? [], [], error.description)
      }
    }
    return nil
  }

  /// A point that a sweep will try.
  package struct PlannedPoint: Sendable {
    package let assignment: Assignment
    /// Why the configuration does not accept these values.
    package let refusal: String?
  }

  /// The first points of a sweep without results, at most `most`: fewer where the space is used up.
  package func plannedPoints(most: Int, microBatches: Int) throws -> [PlannedPoint] {
    var state = SweepState(definition)
    // Two seeds tell whether the seed is a parameter too; more make no other points.
    let seeds = Array(definition.seeds.prefix(2))
    try state.apply(
      .sweep(
        JournalHeader(
          name: definition.name, identity: definition.identity, seeds: seeds, microBatches: microBatches, build: "")),
      time: 0)
    while state.points.count < most, let (assignment, trials, refusal) = try proposal(state) {
      try state.apply(
        .point(number: state.points.count, assignment: assignment, trials: trials, refusal: refusal), time: 0)
    }
    return state.points.map { PlannedPoint(assignment: $0.assignment, refusal: $0.refusal) }
  }

  private func observations(_ state: SweepState) -> [Observation] {
    let records = state.records(definition.metric, rungCount: definition.rungs.count)
    return zip(state.points, records).map { point, record in
      let judged = record.costs.max { $0.key < $1.key }
      return Observation(point.assignment, rung: judged?.key, cost: judged?.value ?? .infinity)
    }
  }
}
