import Configuration
import JSON
import Runs

/// What a worker does next.
package enum SweepAction: Sendable, Equatable {
  /// Bring a trial, which is claimed now, to a rung.
  case run(point: Int, seed: Int, rung: Int)
  /// Others are still at work, and what they find out decides.
  case wait
  case done(SweepEnd)
}

/// Why a sweep has nothing more to do.
package enum SweepEnd: String, Sendable {
  case complete
  case target = "target reached"
  case timeCap = "time cap reached"
}

/// Decides what is done next: a function of the definition and of what the journal says.
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
    // Points of a grid that are the same trial stand anywhere in it, and what follows them is still to be run.
    mostAttempts = definition.settings.method == .grid ? pointCount ?? 0 : Self.mostDraws
  }

  /// - Parameter isAlive: whether a worker may still be trusted to end what it has claimed.
  /// - Returns: what to write into the journal, and what to do then.
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

  /// Why nothing more is begun, although there would be something.
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

  /// A run that ended well and does not say what the sweep looks at never will.
  private func checkMetric(_ state: SweepState) throws(RunError) {
    for trial in state.points.flatMap(\.trials) {
      guard let result = trial.lastResult, result.value(of: definition.metric.name) == nil else { continue }
      throw RunError(
        .configuration,
        "metric.name: no trial reports \"\(definition.metric.name)\"; trial \(trial.id) reports "
          + result.metrics.map(\.name).joined(separator: ", ") + "; its run is kept")
    }
  }

  /// The next point with its trials' ids; nil where there is none.
  private func proposal(
    _ state: SweepState
  ) throws(RunError) -> (assignment: [JSON.Member], trials: [String], refusal: String?)? {
    guard let header = state.header else { return nil }
    let number = state.points.count
    guard number < min(definition.pointCap ?? .max, pointCount ?? .max) else { return nil }
    let observations = observations(state)
    proposals: for attempt in 0..<mostAttempts {
      guard let assignment = sampler.propose(number: number, attempt: attempt, observations: observations) else {
        return nil
      }
      let members = assignment.map { JSON.Member($0.path, $0.value) }
      do throws(ConfigurationError) {
        var ids: [String] = []
        for seed in header.seeds {
          let trial = try TrialConfiguration(definition, assignment, seed: seed, microBatches: header.microBatches)
          if state.ids.contains(trial.id) { continue proposals }
          ids.append(trial.id)
        }
        guard Set(ids).count == ids.count else {
          throw ConfigurationError(
            path: "seeds", message: "the seed is varied too, so seeds of a point are the same trial")
        }
        return (members, ids, nil)
      } catch {
        guard !state.points.contains(where: { JSON(.object(Self.members($0.assignment))) == JSON(.object(members)) })
        else {
          continue
        }
        return (members, [], error.description)
      }
    }
    return nil
  }

  private static func members(_ assignment: Assignment) -> [JSON.Member] {
    assignment.map { JSON.Member($0.path, $0.value) }
  }

  private func observations(_ state: SweepState) -> [Observation] {
    let records = state.records(definition.metric, rungCount: definition.rungs.count)
    return zip(state.points, records).map { point, record in
      let judged = record.costs.max { $0.key < $1.key }
      return Observation(point.assignment, rung: judged?.key, cost: judged?.value ?? .infinity)
    }
  }
}
