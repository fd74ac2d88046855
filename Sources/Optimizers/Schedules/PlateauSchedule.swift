import Configuration
import JSON

/// Factor 1 after the warm-up, times `PlateauState.factor`: PyTorch's `ReduceLROnPlateau` (threshold mode "rel").
package struct PlateauSchedule: Schedule, Settings {
  package enum Monitor: String, CaseIterable, Sendable {
    case loss = "validation.loss"
    case accuracy = "validation.accuracy"
  }

  package let warmup: Warmup
  package let rule: PlateauRule

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    warmup = try Warmup(from: reader)
    rule = try PlateauRule(from: reader)
  }

  package func mainFactor(step: Int, warmupSteps: Int, horizon: ScheduleHorizon) -> Double { 1 }

  package var initialPlateau: PlateauState? { PlateauState(rule) }
}

/// When an evaluation counts as better, and the reduction when none does for too long.
package struct PlateauRule: Settings, Equatable {
  package let monitor: PlateauSchedule.Monitor
  package let factor: Double
  package let patience: Int
  package let threshold: Double
  package let cooldown: Int
  package let minimumFraction: Double

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    monitor = try reader.choice("monitor", default: .loss, "what is watched")
    factor = try reader.number("factor", default: 0.1, in: 0...1, above: true, "what the rate is multiplied by")
    patience = try reader.integer(
      "patience", default: 10, in: 0...1_000_000, "evaluations without improvement that are waited through")
    threshold = try reader.number("threshold", default: 1e-4, in: 0...1, "relative change that counts as better")
    cooldown = try reader.integer(
      "cooldown", default: 0, in: 0...1_000_000, "evaluations after a reduction that do not count")
    minimumFraction = try reader.number(
      "minimum_fraction", default: 0, in: 0...1, "the least the rate is multiplied by")
    try reader.require(factor < 1, "factor", "1 reduces nothing: expected below 1")
  }

  func isBetter(_ value: Double, than best: Double?) -> Bool {
    guard value.isFinite else { return false }
    guard let best else { return true }
    // |best| where PyTorch has best: otherwise a negative loss would count as better while it gets worse.
    let margin = abs(best) * threshold
    return monitor == .loss ? value < best - margin : value > best + margin
  }

  fileprivate var json: JSON {
    .object([
      ("monitor", .string(monitor.rawValue)), ("factor", .number(factor)), ("patience", .integer(patience)),
      ("threshold", .number(threshold)), ("cooldown", .integer(cooldown)),
      ("minimum_fraction", .number(minimumFraction)),
    ])
  }
}

/// The state of a schedule that waits for a plateau: part of the run's state, saved with every checkpoint.
package struct PlateauState: Sendable, Equatable {
  private let rule: PlateauRule
  /// The best value so far; nil before the first evaluation.
  package private(set) var best: Double?
  /// Evaluations without improvement since the best or the last reduction.
  package private(set) var waited = 0
  /// Evaluations that still do not count.
  package private(set) var cooldown = 0
  /// Multiplies the schedule's factor.
  package private(set) var factor = 1.0

  package init(_ rule: PlateauRule) { self.rule = rule }

  /// Takes note of an evaluation; one that is not finite is no improvement.
  package mutating func observe(loss: Double, accuracy: Double) {
    let value = rule.monitor == .loss ? loss : accuracy
    if rule.isBetter(value, than: best) {
      best = value
      waited = 0
    } else {
      waited += 1
    }
    if cooldown > 0 {
      cooldown -= 1
      waited = 0
    }
    if waited > rule.patience {
      factor = max(factor * rule.factor, rule.minimumFraction)
      cooldown = rule.cooldown
      waited = 0
    }
  }

  package var json: JSON {
    let counts: [(String, JSON)] = [
      ("rule", rule.json), ("waited", .integer(waited)), ("cooldown", .integer(cooldown)), ("factor", .number(factor)),
    ]
    return .object(counts + (best.map { [("best", .number($0))] } ?? []))
  }

  /// - Throws: when the value does not come from `json`.
  package init(json: JSON) throws(ConfigurationError) {
    let reader = try SettingsReader(json, path: "plateau")
    rule = try reader.object("rule", PlateauRule.self, "")
    best = try reader.optionalNumber("best", in: -Double.infinity...Double.infinity, "")
    waited = try reader.integer("waited", in: 0...Int.max, "")
    cooldown = try reader.integer("cooldown", in: 0...Int.max, "")
    factor = try reader.number("factor", in: 0...1, "")
    try reader.finish()
  }
}
