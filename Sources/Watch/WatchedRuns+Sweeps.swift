import Foundation
import JSON
import Metrics
import Sweeps

// A sweep has the data of its report, and its live state.
extension WatchedRuns {
  func row(of sweep: Sweep) -> JSON {
    let follower = sweep.follower
    return .object(
      [
        ("id", .integer(sweep.id)), ("name", .string(sweep.name)),
        ("changed", .integer(Self.changeTime(follower.folder.journal))),
        ("problem", follower.problem.map { .string($0) } ?? .null),
      ] + (follower.progress?.summary(follower.activity) ?? [("state", .string(follower.activity.rawValue))]))
  }

  /// The data of the page's section about a sweep as JSON; nil if the caller has this version.
  package func sweep(_ id: Int, unless version: String) -> String? {
    refresh()
    guard let follower = sweeps.first(where: { $0.id == id })?.follower else {
      return version == "gone" ? nil : #"{"version":"gone","sweep":null}"#
    }
    // The follower's version alone would also fit another sweep.
    let sweepToken = "\(token).\(id)"
    guard version != "\(sweepToken).\(follower.version)" else { return nil }
    let page = follower.page()
    let trials = (follower.progress?.results.trials ?? []).compactMap { trial -> (String, JSON)? in
      let place = follower.folder.trial(trial.id)
      return RunSearch.isRun(place) ? (trial.id, .integer(number(of: place))) : nil
    }
    return JSON.object([
      ("version", .string("\(sweepToken).\(page?.version ?? follower.version)")), ("id", .integer(id)),
      ("runs", .object(trials)), ("problem", follower.problem.map { .string($0) } ?? .null),
      ("sweep", page?.data ?? .null),
    ]).compactText
  }

  /// The live table of every sweep, as lines.
  package func sweepTables(leaders: Int) -> [[String]] {
    refresh()
    return sweeps.map { sweep in
      let state = sweep.follower.activity.rawValue
      let problem = sweep.follower.problem.map { ["  \($0)"] } ?? []
      guard let progress = sweep.follower.progress else { return ["\(sweep.name)  \(state)"] + problem }
      return ["sweep \(sweep.name)  \(state)"] + progress.lines(leaders: leaders) + problem
    }
  }
}
