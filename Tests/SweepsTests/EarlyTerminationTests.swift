import Configuration
import Foundation
import JSON
import Sweeps
import Testing

/// The rules by which trials are paused and go on, on worked examples and on learning curves.
@Suite struct EarlyTerminationTests {
  private func record(_ costs: [Double], isWaiting: Bool = true, firstRung: Int = 0) -> RungRecord {
    let rungs = costs.indices.map { $0 + firstRung }
    return RungRecord(
      costs: Dictionary(uniqueKeysWithValues: zip(rungs, costs)), rung: rungs.last ?? firstRung, isWaiting: isWaiting,
      firstRung: firstRung)
  }

  @Test func successiveHalvingPromotesTheBestOfEachRung() {
    let rule = SuccessiveHalving(first: TrainingDuration(1, .epochs), eta: 3)
    #expect(rule.counts(below: 27) == [1, 3, 9])
    #expect(rule.counts(below: 28) == [1, 3, 9, 27])
    // Two of rung 0 are not enough for one of three.
    #expect(rule.verdicts([record([0.5]), record([0.4])], rungCount: 4).promoted == nil)
    #expect(rule.verdicts([record([0.5]), record([0.4]), record([0.6])], rungCount: 4).promoted == 1)
    // Once promoted, the next waits for three more.
    var points = [record([0.5]), record([0.4, 0.3], isWaiting: false), record([0.6])]
    #expect(rule.verdicts(points, rungCount: 4).promoted == nil)
    points += [record([0.7]), record([0.45]), record([0.8])]
    #expect(rule.verdicts(points, rungCount: 4).promoted == 4)
    // What failed is never promoted, but counts.
    #expect(
      rule.verdicts([record([.infinity]), record([.infinity]), record([.infinity])], rungCount: 4).promoted == nil)
    // Higher rungs first.
    let mixed = [
      record([0.1, 0.5]), record([0.2, 0.4]), record([0.3, 0.6]), record([0.05]), record([0.9]), record([0.9]),
      record([0.9]), record([0.9]), record([0.9]),
    ]
    #expect(rule.verdicts(mixed, rungCount: 4).promoted == 1)
  }

  @Test func hyperbandGivesEachBracketItsShare() {
    let rule = Hyperband(first: TrainingDuration(1, .epochs), eta: 3)
    let firsts = (0..<143).map { rule.firstRung(ofPoint: $0, rungCount: 5) }
    // R = 81, eta 3: n = 81, 34, 15, 8, 5 (Li et al. 2017, table 1).
    #expect((0..<5).map { bracket in firsts.count { $0 == bracket } } == [81, 34, 15, 8, 5])
    #expect(rule.firstRung(ofPoint: 143, rungCount: 5) == 0)
    // Brackets are judged apart.
    let points = [
      record([0.9]), record([0.8]), record([0.7]), record([0.1], firstRung: 1), record([0.2], firstRung: 1),
    ]
    #expect(rule.verdicts(points, rungCount: 3).promoted == 2)
  }

  @Test func theMedianRuleStopsWhatIsWorseThanTheOthersWereOnAverage() {
    let rule = MedianStop(first: TrainingDuration(2, .epochs), every: TrainingDuration(3, .epochs), fewest: 3)
    #expect(rule.counts(below: 10) == [2, 5, 8])
    // Averages of the others up to rung 1: 0.3, 0.4, 0.5; best of the last so far: 0.45, then 0.35.
    let others = [[0.4, 0.2], [0.5, 0.3], [0.6, 0.4]].map { record($0, isWaiting: false) }
    let stopped = rule.verdicts(others + [record([0.6, 0.45])], rungCount: 4)
    #expect(stopped.stopped.map(\.point) == [3] && stopped.promoted == nil)
    #expect(rule.verdicts(others + [record([0.35, 0.6])], rungCount: 4).promoted == 3)
    // With too few others, everything goes on; but not what is not finite.
    #expect(rule.verdicts(Array(others.dropLast()) + [record([0.9, 0.9])], rungCount: 4).promoted == 2)
    #expect(rule.verdicts([record([.infinity])], rungCount: 4).stopped.map(\.point) == [0])
  }

  /// Learning curves that cross: loss(t) = floor + reach · t^(−speed), with floors that a grid's two numbers decide.
  private static func loss(_ assignment: Assignment, _ epochs: Double) -> Double {
    let rate = assignment.first { $0.path == "optimizer.learning_rate" }?.value.double ?? 0.1
    let dropout = assignment.first { $0.path == "model.dropout" }?.value.double ?? 0
    let floor = 0.2 + 0.05 * pow(log10(rate) + 2.3, 2) + 0.4 * pow(dropout - 0.15, 2)
    let speed = min(1.5, 0.7 + 2 * rate)
    return floor + 1.2 * pow(epochs, -speed)
  }

  @Test func ashaFindsNearlyTheBestOfTheGridInAThirdOfItsSteps() throws {
    let rates = (0..<9).map { JSON.number(pow(10, -4 + 0.4 * Double($0))).compactText }.joined(separator: ", ")
    let sweep = """
      {"name": "s", \(Simulation.base), "method": "grid", "metric": {"name": "validation.loss"},
       "early_terminate": {"type": "asha", "first": "1 epoch", "eta": 3},
       "parameters": {"optimizer.learning_rate": {"values": [\(rates)]}, "model.dropout": {"values": [0, 0.1, 0.2, 0.3, 0.4]}}}
      """
    let epochs = [1.0, 3, 9, 27]
    var trained: [String: Double] = [:]
    var simulation = try Simulation(sweep) { assignment, _, rung in
      trained[text(of: assignment)] = epochs[rung]
      return reached(Self.loss(assignment, epochs[rung]), rung, of: 4)
    }
    #expect(try simulation.runToEnd() == .complete)
    let points = simulation.state.points.map(\.assignment)
    #expect(points.count == 45)
    let best = points.map { Self.loss($0, 27) }.min() ?? 0
    let found = try #require(simulation.state.ranking(simulation.definition.metric, rungCount: 4).first)
    #expect(found.value <= 1.02 * best, "\(found.value) against \(best)")
    #expect(trained.values.reduce(0, +) <= 27 * 45 / 3, "\(trained.values.reduce(0, +)) epochs")
  }

  @Test(arguments: [
    (#"{"type": "asha", "first": "30 epochs"}"#, "not below training.duration"),
    (#"{"type": "asha", "first": "10 steps"}"#, "unit of training.duration"),
    (#"{"type": "median", "first": "2 epochs", "every": "3 steps"}"#, "unit of \"first\""),
    (#"{"type": "ahsa", "first": "2 epochs"}"#, "did you mean \"asha\""),
  ])
  func rungsThatCannotBeAreRefused(rule: String, words: String) throws {
    let sweep = """
      {"name": "s", \(Simulation.base), "method": "grid", "metric": {"name": "validation.loss"}, "early_terminate": \(rule),
       "parameters": {"model.dropout": {"values": [0, 0.1]}}}
      """
    let error = #expect(throws: ConfigurationError.self) {
      try SweepDefinition(JSONParser.parse(sweep, file: "sweep.json"), folder: URL(fileURLWithPath: "."))
    }
    #expect(error?.description.contains(words) == true, "\(String(describing: error))")
  }

  @Test(arguments: [
    (#""training.duration": "3000 steps""#, "1 step", "more than 63 times"),
    (#""training.duration": "40 epochs", "training.validate_every": "7 epochs""#, "1 epoch", "after 1, 2, 3, … epochs"),
  ])
  func manyRungsAreRefusedInAShortLine(overrides: String, first: String, words: String) throws {
    let sweep = """
      {"name": "s", \(Simulation.base), "method": "grid", "metric": {"name": "validation.loss"},
       "overrides": {\(overrides)}, "early_terminate": {"type": "median", "first": "\(first)"},
       "parameters": {"model.dropout": {"values": [0, 0.1]}}}
      """
    let error = #expect(throws: ConfigurationError.self) {
      try SweepDefinition(JSONParser.parse(sweep, file: "sweep.json"), folder: URL(fileURLWithPath: "."))
    }
    let line = error?.description ?? ""
    #expect(line.contains(words) && line.count < 300, "\(line)")
  }

  @Test func aRungNeedsAnEvaluation() throws {
    let sweep = """
      {"name": "s", \(Simulation.base), "method": "grid", "metric": {"name": "validation.loss"},
       "overrides": {"training.validate_every": "2 epochs"}, "early_terminate": {"type": "asha", "first": "1 epoch"},
       "parameters": {"model.dropout": {"values": [0, 0.1]}}}
      """
    let error = #expect(throws: ConfigurationError.self) {
      try SweepDefinition(JSONParser.parse(sweep, file: "sweep.json"), folder: URL(fileURLWithPath: "."))
    }
    #expect(error?.description.contains("validate_every") == true, "\(String(describing: error))")
  }
}
