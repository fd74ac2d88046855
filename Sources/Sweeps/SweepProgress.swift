import Foundation
import Metrics

/// The progress of a sweep, for its live table and the page of `troupe watch`.
package struct SweepProgress: Sendable {
  /// A trial that a worker is training.
  package struct Running: Sendable {
    package let point: Int
    package let seed: Int
    package let id: String
    /// Seconds since its claim.
    package let seconds: Double
    /// The last recorded step; nil before the first.
    package let step: StepRecord?
    /// Steps of the whole run, if known.
    package let totalSteps: Int?

    /// The finished part (0...1) of the whole run.
    var share: Double {
      guard let step, let totalSteps, totalSteps > 0 else { return 0 }
      return min(1, Double(step.step) / Double(totalSteps))
    }
  }

  package let results: SweepResults
  package let running: [Running]
  /// Jobs of all living workers together.
  package let jobs: Int
  /// The most trials; nil where only time limits them.
  package let mostTrials: Int?

  /// Claims of workers that are dead do not count.
  ///
  /// - Parameters:
  ///   - living: the workers that live: `SweepFolder.living`.
  ///   - mostPoints: `SweepDefinition.pointCount`, which may take a moment to count.
  ///   - trials: updated to the running trials.
  package init(
    _ definition: SweepDefinition, _ state: SweepState, living: [WorkerRecord], in folder: SweepFolder,
    mostPoints: Int?, following trials: inout TrialFollowers
  ) {
    let ids = Set(living.map(\.id))
    let state = state.releasingClaims { ids.contains($0.id) }
    trials.follow(state, in: folder)
    let results = SweepResults(definition, state, folder: folder)
    let records = trials.followers
    self.results = results
    jobs = living.reduce(0) { $0 + $1.jobs }
    mostTrials = mostPoints.map { $0 * definition.seeds.count }
    let now = Date.now.timeIntervalSince1970
    running = results.state.points.flatMap { point in
      point.trials.enumerated().compactMap { seed, trial in
        guard let claim = trial.claim else { return nil }
        let record = records[trial.id]
        return Running(
          point: point.number, seed: seed, id: trial.id, seconds: max(0, now - claim.time), step: record?.lastStep,
          totalSteps: record?.totalSteps)
      }
    }.sorted { ($0.seconds, $0.id) > ($1.seconds, $1.id) }
  }

  /// Trials that wait for their turn, or for other trials at a rung.
  package var waitingCount: Int { results.trials.count { $0.status == "waiting" || $0.status == "paused" } }

  /// Seconds to the end at the pace so far; nil without workers, and where the rest depends on early termination.
  package var remaining: Double? {
    let finished = results.trials.filter(\.isFinished)
    guard let mostTrials, jobs > 0, !finished.isEmpty, results.definition.rungs.count == 1 else { return nil }
    let mean = finished.reduce(0) { $0 + $1.seconds } / Double(finished.count)
    let left = Double(mostTrials - finished.count - results.failedCount) - running.reduce(0) { $0 + $1.share }
    let rest = max(0, left) * mean / Double(jobs)
    return results.definition.settings.timeCap.map { min(rest, max(0, $0 - results.state.elapsed)) } ?? rest
  }
}

extension SweepProgress {
  /// The live table: counts, running trials, the best points.
  ///
  /// - Parameter leaders: the most listed points.
  package func lines(leaders: Int) -> [String] {
    let (definition, state) = (results.definition, results.state)
    let most = mostTrials.map { $0 > results.trials.count ? " (\($0) at most)" : "" } ?? ""
    let rest = remaining.map { ", ETA \(DurationText.short($0))" } ?? ""
    var lines = [
      "\(definition.name): \(results.finishedCount) finished, \(waitingCount) waiting or paused, "
        + "\(running.count) running, \(results.failedCount) failed of \(results.trials.count) trials" + most + rest
    ]
    for one in running {
      let values = text(of: state.points[one.point].assignment)
      let seed = definition.seeds.count > 1 ? " seed=\(state.points[one.point].trials[one.seed].seed)" : ""
      lines.append("  ▸ \(one.id) \(one.words)  \(DurationText.short(one.seconds))  \(values)\(seed)")
    }
    for (rank, entry) in results.ranking.prefix(leaders).enumerated() {
      let point = state.points[entry.point]
      lines.append(
        "  \(rank + 1). \(definition.metric.name) \(results.figures(point))  \(text(of: point.assignment))"
          + results.verdictText(point))
    }
    return lines
  }
}

extension SweepProgress.Running {
  /// `step 120, epoch 1.94, loss 0.4312`.
  fileprivate var words: String {
    guard let step else { return "starting" }
    return String(
      format: "step %d%@, epoch %.2f, loss %.4f", step.step, totalSteps.map { "/\($0)" } ?? "", step.epoch, step.loss)
  }
}

/// Follows the records of running trials.
package struct TrialFollowers: Sendable {
  package private(set) var followers: [String: RunFollower] = [:]
  private let isSkimming: Bool

  /// - Parameter isSkimming: keeps the last steps only.
  package init(isSkimming: Bool) { self.isSkimming = isSkimming }

  /// Reads new records of claimed trials, and forgets the others.
  package mutating func follow(_ state: SweepState, in folder: SweepFolder) {
    var kept: [String: RunFollower] = [:]
    for trial in state.points.flatMap(\.trials) where trial.claim != nil {
      var follower = followers[trial.id] ?? RunFollower(folder.trial(trial.id), isSkimming: isSkimming)
      // A trial that has not begun has no records yet.
      _ = try? follower.follow()
      kept[trial.id] = follower
    }
    followers = kept
  }

  /// Changes whenever there is something new.
  var version: Int { followers.values.reduce(followers.count) { $0 &+ $1.version } }
}
