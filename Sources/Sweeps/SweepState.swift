import Foundation
import JSON
import Runs

/// One seed's run of a point.
package struct TrialState: Sendable {
  package let id: String
  package let seed: Int
  /// The worker that trains it now, the rung, and the time of the claim.
  package var claim: (worker: String, rung: Int, time: Double)?
  /// The good results, by rung; a run that finished before its rung counts for all later rungs.
  package var results: [Int: TrialResult] = [:]
  /// Failed attempts.
  package var failures: [TrialResult] = []
  /// Whether no further attempt is made.
  package var hasFailed = false
  /// Seconds of all attempts.
  package var seconds = 0.0

  package var isFinished: Bool { results.values.contains { $0.state == .finished } }

  /// The result at a rung; the last result of a run that finished before the rung.
  package func result(at rung: Int) -> TrialResult? {
    if let result = results[rung] { return result }
    return results.filter { $0.key < rung && $0.value.state == .finished }.max { $0.key < $1.key }?.value
  }

  package var lastResult: TrialResult? { results.max { $0.key < $1.key }?.value }
  /// The step of the last result, or of the last failure.
  var lastStep: Int { lastResult?.step ?? failures.last?.step ?? 0 }

  /// The state in a word or two.
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
  /// The rung that the point's trials are being trained to, or at which it waits.
  package var rung: Int
  package let firstRung: Int
  /// Why a rule of early termination has stopped it.
  package var stopReason: String?
  /// Why the configuration does not accept these values.
  package var refusal: String?

  package var hasFailed: Bool { refusal != nil || trials.contains { $0.hasFailed } }
  /// Whether every trial has reached the point's rung or has failed.
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

/// The state of a sweep: a fold over its journal.
package struct SweepState: Sendable {
  package private(set) var header: JournalHeader?
  package private(set) var workers: [String: WorkerRecord] = [:]
  package private(set) var points: [PointState] = []
  /// The ids of all trials: none is run twice.
  package private(set) var ids: Set<String> = []
  /// The times of each worker's first and last entry.
  private var sessions: [String: (start: Double, end: Double)] = [:]

  private let retries: Int
  private let rules: (rungCount: Int, firstRung: @Sendable (Int) -> Int)

  package init(_ definition: SweepDefinition) {
    retries = definition.settings.retries
    let termination = definition.settings.termination
    let rungCount = definition.rungs.count
    rules = (rungCount, { termination?.firstRung(ofPoint: $0, rungCount: rungCount) ?? 0 })
  }

  /// - Throws: where an entry refers to something that neither earlier entries nor the definition have.
  package mutating func apply(_ entry: JournalEntry, time: Double) throws(RunError) {
    switch entry {
    case .sweep(let header):
      guard self.header == nil else { throw RunError("\(Journal.name): has a second beginning; restore the file") }
      self.header = header
    case .worker(let worker):
      // The id is a part of a file name.
      guard !worker.id.contains("/") else { throw Self.disorder("worker \(worker.id)") }
      workers[worker.id] = worker
      sessions[worker.id] = (time, time)
    case .heartbeat(let worker): note(worker, time)
    case .point(let number, let assignment, let trials, let refusal):
      guard number == points.count, let seeds = header?.seeds, refusal != nil || trials.count == seeds.count else {
        throw Self.disorder("point \(number)")
      }
      // The ids are names of folders.
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
        // A good result settles all claims up to its rung, including those of dead workers.
        let settles = result.state == .finished || result.state.isGood && (trial.claim?.rung ?? 0) <= rung
        if trial.claim?.worker == worker || settles { trial.claim = nil }
        // Where two workers trained a trial to the same rung, the first counts; their results are the same.
        guard trial.results[rung] == nil else { return }
        if result.state.isGood {
          trial.results[rung] = result
          // An earlier attempt of another worker may have failed.
          trial.hasFailed = false
        } else {
          trial.failures.append(result)
          let isWorthIt = result.state.isWorthRetrying
          let counted = trial.failures.count { $0.state.isWorthRetrying && !$0.isOfFullDisk }
          trial.hasFailed = !isWorthIt || counted > retries
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
    RunError("\(Journal.name): refers to \(what), which is not in it; restore the file")
  }

  /// The time of a worker's last entry, by its own clock.
  package func lastWord(of worker: String) -> Double? { sessions[worker]?.end }

  /// The same without the claims of dead workers.
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

  /// Seconds with at least one active worker.
  package var elapsed: Double {
    var total = 0.0
    var end = -Double.infinity
    for session in sessions.values.sorted(by: { $0.start < $1.start }) {
      total += max(0, session.end - max(session.start, end))
      end = max(end, session.end)
    }
    return total
  }

  /// The names of the numbers that trials have reported.
  package var reportedMetrics: [String] {
    var names: [String] = []
    for trial in points.flatMap(\.trials) {
      for metric in trial.lastResult?.metrics ?? [] where !names.contains(metric.name) { names.append(metric.name) }
    }
    return names
  }
}

extension SweepState {
  /// The points, as early termination and samplers see them.
  ///
  /// - Returns: a record per point; its cost at a rung is infinite where a seed failed or its value is not finite.
  package func records(_ metric: MetricSettings, rungCount: Int) -> [RungRecord] {
    points.map { point in
      var costs: [Int: Double] = [:]
      if point.hasFailed {
        // It counts at the rung of its failure, and at earlier rungs.
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

  /// The finished points with a value, the best first.
  package func ranking(_ metric: MetricSettings, rungCount: Int) -> [(point: Int, value: Double)] {
    points.compactMap { point in
      guard !point.hasFailed, point.isSettled, point.rung == rungCount - 1 || point.trials.allSatisfy(\.isFinished),
        let value = point.statistics(of: metric.name, at: rungCount - 1)?.mean, value.isFinite
      else { return nil }
      return (point.number, value)
    }.sorted { (metric.cost($0.value), $0.point) < (metric.cost($1.value), $1.point) }
  }
}
