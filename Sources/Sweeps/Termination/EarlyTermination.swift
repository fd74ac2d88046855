import Configuration
import JSON

/// A rule by which trials are paused after part of their training, and only some go on.
package protocol EarlyTermination: Settings {
  /// When trials are first paused.
  var first: TrainingDuration { get }

  /// The counts, in the unit of `first`, at which trials are paused, all below `whole`.
  func counts(below whole: Int) -> [Int]

  /// What becomes of a point that waits, of all points of the sweep in their order.
  func verdicts(_ points: [RungRecord], rungCount: Int) -> TerminationVerdicts

  /// The rung at which a new point is first paused.
  func firstRung(ofPoint number: Int, rungCount: Int) -> Int
}

/// What a rule may know of a point.
package struct RungRecord: Sendable {
  /// The mean cost over the seeds at each rung that all of them have reached; infinite where a seed failed.
  package var costs: [Int: Double]
  /// The rung that the point has reached or is being trained to.
  package var rung: Int
  /// Whether the point waits at its rung: trained so far, neither stopped nor at the last.
  package var isWaiting: Bool
  package var firstRung: Int

  package init(costs: [Int: Double], rung: Int, isWaiting: Bool, firstRung: Int = 0) {
    self.costs = costs
    self.rung = rung
    self.isWaiting = isWaiting
    self.firstRung = firstRung
  }
}

/// What a rule says now; later results may move it to say more.
package struct TerminationVerdicts: Sendable, Equatable {
  /// The point to go on with first.
  package var promoted: Int?
  /// Points that will not go on, and why.
  package var stopped: [(point: Int, reason: String)]

  package init(promoted: Int? = nil, stopped: [(point: Int, reason: String)] = []) {
    self.promoted = promoted
    self.stopped = stopped
  }

  package static func == (a: TerminationVerdicts, b: TerminationVerdicts) -> Bool {
    a.promoted == b.promoted && a.stopped.map(\.point) == b.stopped.map(\.point)
  }
}

/// The rules; one literal.
package let earlyTerminationCatalog = Catalog<any EarlyTermination>(
  "early_terminate",
  [
    CatalogEntry("asha", "asynchronous successive halving (Li et al. 2018)") {
      (reader) throws(ConfigurationError) in try SuccessiveHalving(from: reader)
    },
    CatalogEntry("hyperband", "asynchronous successive halving in brackets of different first rungs (Li et al. 2017)") {
      (reader) throws(ConfigurationError) in try Hyperband(from: reader)
    },
    CatalogEntry("median", "stops what is worse than the median of the others (Golovin et al. 2017)") {
      (reader) throws(ConfigurationError) in try MedianStop(from: reader)
    },
  ])

/// The lengths of training at which points are judged.
package struct RungPlan: Sendable {
  /// In order; nil is the whole run, always the last.
  package let durations: [TrainingDuration?]

  /// Rungs, the whole run included.
  package static let most = 64
  private static let mostListed = 3

  package var count: Int { durations.count }
  package var last: Int { durations.count - 1 }

  /// Without a rule there is one rung, the whole run.
  package init(
    _ rule: (any EarlyTermination)?, base: JSON, varied: [String]
  ) throws(ConfigurationError) {
    guard let rule else {
      durations = [nil]
      return
    }
    let path = "early_terminate.first"
    func fail(_ message: String) -> ConfigurationError { ConfigurationError(path: path, message: message) }
    for key in ["training.duration", "training.validate_every", "training"] where varied.contains(key) {
      throw fail("\(key) is varied, but trials that are paused must be as long as one another")
    }
    func duration(_ key: String, _ fallback: TrainingDuration) throws(ConfigurationError) -> TrainingDuration {
      guard let written = base["training"]?[key] else { return fallback }
      // A wrong one is refused where the configuration is decoded.
      return written.string.flatMap { TrainingDuration(text: $0) } ?? fallback
    }
    let whole = try duration("duration", TrainingDuration(10, .epochs))
    let evaluation = try duration("validate_every", TrainingDuration(1, .epochs))
    guard whole.unit == rule.first.unit else {
      throw fail("\(rule.first) must have the unit of training.duration, \(whole)")
    }
    let counts = rule.counts(below: whole.count)
    guard !counts.isEmpty else { throw fail("\(rule.first) is not below training.duration \(whole)") }
    guard counts.count < Self.most else {
      throw fail(
        "trials of \(whole) would be paused more than \(Self.most - 1) times, first after \(rule.first); "
          + "pause them less often")
    }
    guard evaluation.unit == whole.unit, evaluation.count > 0, counts.allSatisfy({ $0 % evaluation.count == 0 }) else {
      let rungs =
        counts.prefix(Self.mostListed).map { String($0) }.joined(separator: ", ")
        + (counts.count > Self.mostListed ? ", …" : "")
      throw fail(
        "trials are paused after \(rungs) \(whole.unit.rawValue), where training.validate_every \(evaluation) asks for no "
          + "evaluation; set it to \"\(TrainingDuration(rule.first.count, whole.unit))\" in \"overrides\"")
    }
    durations = counts.map { TrainingDuration($0, whole.unit) } + [nil]
  }
}
