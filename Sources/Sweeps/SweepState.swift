import Foundation
import JSON
import Runs

/// One seed's run of a point.
package struct TrialState: Sendable {
  package let id: String
  package let seed: Int
  /// Who works on it now, to which rung, and since when.
  package var claim: (worker: String, rung: Int, time: Double)?
  /// The good results, by rung; a run that ended earlier than its rung counts for all that follow.
  package var results: [Int: TrialResult] = [:]
  /// Attempts that ended badly.
  package var failures: [TrialResult] = []
  /// Whether no further attempt is made.
  package var hasFailed = false
  /// Seconds of all attempts.
  package var seconds = 0.0

  package var isFinished: Bool { results.values.contains { $0.state == .finished } }

  /// The result at a rung: of a run that ended before, its last.
  package func result(at rung: Int) -> TrialResult? {
    if let result = results[rung] { return result }
    return results.filter { $0.key < rung && $0.value.state == .finished }.max { $0.key < $1.key }?.value
  }

  package var lastResult: TrialResult? { results.max { $0.key < $1.key }?.value }

  /// In a person's words.
  package var status: String {
    if claim != nil { return "running" }
    if hasFailed { return failures.last?.state.rawValue.replacingOccurrences(of: "_", with: " ") ?? "failed" }
    if isFinished { return "finished" }
    return results.isEmpty ? "waiting" : "paused"
  }
}

/// One point of the search: values, and a trial for each seed.
package struct PointState: Sendable {
  package let number: Int
  package let assignment: Assignment
  package var trials: [TrialState]
  /// The rung that the point is being trained to, or waits at.
  package var rung: Int
  package let firstRung: Int
  /// Why a rule has decided that it does not go on.
  package var stopReason: String?
  /// Why the configuration cannot have these values.
  package var refusal: String?

  package var hasFailed: Bool { refusal != nil || trials.contains { $0.hasFailed } }
  /// Whether every trial has been brought to the point's rung, or never will be.
  package var isSettled: Bool {
    refusal != nil || trials.allSatisfy { $0.claim == nil && ($0.hasFailed || $0.result(at: rung) != nil) }
  }

  /// Mean and deviation (of the sample) of a metric over the seeds that have it at the rung.
  package func statistics(of metric: String, at rung: Int) -> (mean: Double, deviation: Double?, count: Int)? {
    let values = trials.compactMap { $0.result(at: rung)?.value(of: metric) }
    guard !values.isEmpty else { return nil }
    let mean = values.reduce(0, +) / Double(values.count)
    guard values.count > 1 else { return (mean, nil, values.count) }
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return (mean, (squares / Double(values.count - 1)).squareRoot(), values.count)
  }
}

/// Everything about a sweep that changes: a fold over its journal.
package struct SweepState: Sendable {
  package private(set) var header: JournalHeader?
  package private(set) var workers: [String: WorkerRecord] = [:]
  package private(set) var points: [PointState] = []
  /// Trials by their ids: none is run twice.
  package private(set) var ids: Set<String> = []
  /// Stretches of time in which the sweep was worked on, by worker.
  private var sessions: [String: (start: Double, end: Double)] = [:]

  private let retries: Int
  private let rules: (rungCount: Int, firstRung: @Sendable (Int) -> Int)

  package init(_ definition: SweepDefinition) {
    retries = definition.settings.retries
    let termination = definition.settings.termination
    let rungCount = definition.rungs.count
    rules = (rungCount, { termination?.firstRung(ofPoint: $0, rungCount: rungCount) ?? 0 })
  }

  /// - Throws: where an entry speaks of what the journal has not told before, or of what the definition does not have.
  package mutating func apply(_ entry: JournalEntry, time: Double) throws(RunError) {
    switch entry {
    case .sweep(let header):
      guard self.header == nil else { throw RunError("\(Journal.name): begins a second time; restore the file") }
      self.header = header
    case .worker(let worker):
      // It names the file of the worker's lock.
      guard !worker.id.contains("/") else { throw Self.disorder("worker \(worker.id)") }
      workers[worker.id] = worker
      sessions[worker.id] = (time, time)
    case .heartbeat(let worker): note(worker, time)
    case .point(let number, let assignment, let trials, let refusal):
      guard number == points.count, let seeds = header?.seeds, refusal != nil || trials.count == seeds.count else {
        throw Self.disorder("point \(number)")
      }
      // They name folders.
      if let odd = trials.first(where: { !TrialConfiguration.isID($0) }) { throw Self.disorder("trial \(odd)") }
      points.append(
        PointState(
          number: number, assignment: assignment.map { ($0.key, $0.value) },
          trials: zip(trials, seeds).map { TrialState(id: $0, seed: $1) }, rung: rules.firstRung(number),
          firstRung: rules.firstRung(number), refusal: refusal))
      ids.formUnion(trials)
    case .claim(let point, let seed, let rung, let worker):
      try require(rung, of: point)
      try change(point, seed) { $0.claim = (worker, rung, time) }
      points[point].rung = max(points[point].rung, rung)
      note(worker, time)
    case .result(let point, let seed, let rung, let worker, let result):
      try require(rung, of: point)
      let retries = retries
      try change(point, seed) { trial in
        trial.seconds += result.seconds
        // A good result settles what others, who may have died, have claimed up to its rung.
        let settles = result.state == .finished || result.state.isGood && (trial.claim?.rung ?? 0) <= rung
        if trial.claim?.worker == worker || settles { trial.claim = nil }
        // Of two workers that both brought a trial to a rung, the first counts; their results are the same.
        guard trial.results[rung] == nil else { return }
        if result.state.isGood {
          trial.results[rung] = result
          // Another worker may have given the trial up before.
          trial.hasFailed = false
        } else {
          trial.failures.append(result)
          let isWorthIt = result.state.isWorthRetrying
          trial.hasFailed = !isWorthIt || trial.failures.count(where: { $0.state.isWorthRetrying }) > retries
        }
      }
      note(worker, time)
    case .release(let point, let seed, let worker):
      try change(point, seed) { if $0.claim?.worker == worker { $0.claim = nil } }
      note(worker, time)
    case .stop(let point, let reason):
      guard points.indices.contains(point) else { throw Self.disorder("point \(point)") }
      points[point].stopReason = reason
    }
  }

  private mutating func change(_ point: Int, _ seed: Int, _ body: (inout TrialState) -> Void) throws(RunError) {
    guard points.indices.contains(point), points[point].trials.indices.contains(seed) else {
      throw Self.disorder("trial \(seed) of point \(point)")
    }
    body(&points[point].trials[seed])
  }

  private func require(_ rung: Int, of point: Int) throws(RunError) {
    guard (0..<rules.rungCount).contains(rung) else { throw Self.disorder("rung \(rung) of point \(point)") }
  }

  private mutating func note(_ worker: String, _ time: Double) {
    if let session = sessions[worker] { sessions[worker] = (session.start, max(session.end, time)) }
  }

  private static func disorder(_ what: String) -> RunError {
    RunError("\(Journal.name): speaks of \(what), which it has not told of before; restore the file")
  }

  /// When a worker last wrote, by its own clock.
  package func lastWord(of worker: String) -> Double? { sessions[worker]?.end }

  /// The same without the claims of workers that will not keep them.
  package func releasingClaims(unless isAlive: (WorkerRecord) -> Bool) -> SweepState {
    let alive = Set(workers.values.filter(isAlive).map(\.id))
    var state = self
    for point in state.points.indices {
      for trial in state.points[point].trials.indices {
        guard let claim = state.points[point].trials[trial].claim, !alive.contains(claim.worker) else { continue }
        state.points[point].trials[trial].claim = nil
      }
    }
    return state
  }

  /// Seconds in which at least one worker worked.
  package var elapsed: Double {
    var total = 0.0
    var end = -Double.infinity
    for session in sessions.values.sorted(by: { $0.start < $1.start }) {
      total += max(0, session.end - max(session.start, end))
      end = max(end, session.end)
    }
    return total
  }

  /// The names of numbers that trials have reported.
  package var reportedMetrics: [String] {
    var names: [String] = []
    for trial in points.flatMap(\.trials) {
      for metric in trial.lastResult?.metrics ?? [] where !names.contains(metric.name) { names.append(metric.name) }
    }
    return names
  }
}

extension SweepState {
  /// What early termination and samplers look at.
  ///
  /// - Returns: a record a point; its cost at a rung is infinite where a seed failed or its value is not finite.
  package func records(_ metric: MetricSettings, rungCount: Int) -> [RungRecord] {
    points.map { point in
      var costs: [Int: Double] = [:]
      if point.hasFailed {
        // It counts at the rung where it failed, and at those that it has passed.
        costs[point.rung] = .infinity
      }
      for rung in 0...point.rung where costs[rung] == nil {
        guard !point.trials.isEmpty, point.trials.allSatisfy({ $0.result(at: rung) != nil }) else { continue }
        let mean = point.statistics(of: metric.name, at: rung)?.mean
        costs[rung] = mean.map { $0.isFinite ? metric.cost($0) : .infinity } ?? .infinity
      }
      let isWaiting =
        point.isSettled && point.rung < rungCount - 1 && point.stopReason == nil && !point.hasFailed
        && !point.trials.allSatisfy(\.isFinished)
      return RungRecord(costs: costs, rung: point.rung, isWaiting: isWaiting, firstRung: point.firstRung)
    }
  }

  /// The points that ran to their end with a value, the best first.
  package func ranking(_ metric: MetricSettings, rungCount: Int) -> [(point: Int, value: Double)] {
    points.compactMap { point in
      guard !point.hasFailed, point.isSettled, point.rung == rungCount - 1 || point.trials.allSatisfy(\.isFinished),
        let value = point.statistics(of: metric.name, at: rungCount - 1)?.mean, value.isFinite
      else { return nil }
      return (point.number, value)
    }.sorted { (metric.cost($0.value), $0.point) < (metric.cost($1.value), $1.point) }
  }
}
