import Configuration
import JSON

/// A rule by which trials are paused after part of their training, and only some continue.
package protocol EarlyTermination: Settings {
  /// The training before the first pause.
  var first: TrainingDuration { get }

  /// The counts, in the unit of `first`, at which trials are paused, all below `whole`.
  func counts(below whole: Int) -> [Int]

  /// Decides about waiting points.
  ///
  /// - Parameter points: all points of the sweep in order.
  func verdicts(_ points: [RungRecord], rungCount: Int) -> TerminationVerdicts

  /// The rung at which a new point is first paused; 0 by default.
  func firstRung(ofPoint number: Int, rungCount: Int) -> Int
}

extension EarlyTermination {
  package func firstRung(ofPoint number: Int, rungCount: Int) -> Int { 0 }
}

/// A point, as rules see it.
package struct RungRecord: Sendable {
  /// The mean cost over the seeds at each rung that all of them have reached; infinite where a seed failed.
  package var costs: [Int: Double]
  /// The rung that the point has reached, or that its trials are being trained to.
  package var rung: Int
  /// Whether the point waits at its rung: trained to it, not stopped, and not at the last rung.
  package var isWaiting: Bool
  package var firstRung: Int

  package init(costs: [Int: Double], rung: Int, isWaiting: Bool, firstRung: Int = 0) {
    self.costs = costs
    self.rung = rung
    self.isWaiting = isWaiting
    self.firstRung = firstRung
  }
}

/// The decisions of a rule so far; later results may add more.
package struct TerminationVerdicts: Sendable, Equatable {
  /// The point to continue first.
  package var promoted: Int?
  /// Points that will not continue, and why.
  package var stopped: [(point: Int, reason: String)]

  package init(promoted: Int? = nil, stopped: [(point: Int, reason: String)] = []) {
    self.promoted = promoted
    self.stopped = stopped
  }

  package static func == (a: TerminationVerdicts, b: TerminationVerdicts) -> Bool {
    a.promoted == b.promoted && a.stopped.map(\.point) == b.stopped.map(\.point)
  }
}

/// The rules, one entry each.
package let earlyTerminationCatalog = Catalog<any EarlyTermination>(
  "early_terminate",
  [
    CatalogEntry("asha", "asynchronous successive halving (Li et al. 2018)") {
      (reader) throws(ConfigurationError) in try SuccessiveHalving(from: reader)
    },
    CatalogEntry("hyperband", "asynchronous successive halving in brackets of different first rungs (Li et al. 2017)") {
      (reader) throws(ConfigurationError) in try Hyperband(from: reader)
    },
    CatalogEntry("median", "stops points that are worse than the median of the others (Golovin et al. 2017)") {
      (reader) throws(ConfigurationError) in try MedianStop(from: reader)
    },
  ])

/// The lengths of training at which points are compared.
package struct RungPlan: Sendable {
  /// In order; nil is the whole run, always the last.
  package let durations: [TrainingDuration?]

  /// Rungs, the whole run included.
  package static let most = 64
  private static let mostListed = 3

  package var count: Int { durations.count }
  package var last: Int { durations.count - 1 }
  /// The names of the rungs, such as "2 epochs"; "whole" for the whole run.
  package var names: [String] { durations.map { $0?.description ?? "whole" } }

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
      throw fail("\(key) is varied, but all trials must be equally long where trials are paused")
    }
    func duration(_ key: String, _ fallback: TrainingDuration) throws(ConfigurationError) -> TrainingDuration {
      guard let written = base["training"]?[key] else { return fallback }
      // A malformed duration is refused where the configuration is decoded.
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
        "trials are paused after \(rungs) \(whole.unit.rawValue), without an evaluation there by "
          + "training.validate_every \(evaluation); set it to "
          + "\"\(TrainingDuration(rule.first.count, whole.unit))\" in \"overrides\"")
    }
    durations = counts.map { TrainingDuration($0, whole.unit) } + [nil]
  }
}
