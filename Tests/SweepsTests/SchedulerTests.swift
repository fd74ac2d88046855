import Configuration
import Foundation
import JSON
import Sweeps
import Testing

/// Which trials are run, in which order, and that nothing is lost or done twice when workers die.
@Suite struct SchedulerTests {
  private static let parameters = """
    "parameters": {
      "optimizer.learning_rate": {"distribution": "log_uniform", "min": 1e-4, "max": 1},
      "model.activation": {"values": ["relu", "tanh", "sigmoid"]}
    }
    """

  private static func sweep(_ method: String, _ more: String = "") -> String {
    let parameters =
      method == "grid"
      ? #""parameters": {"model.dropout": {"values": [0, 0.1, 0.2]}, "model.activation": {"values": ["relu", "tanh"]}}"#
      : parameters
    let cap = method == "grid" ? "" : #", "run_cap": 24"#
    return """
      {"name": "s", \(Simulation.base), "method": "\(method)", "metric": {"name": "validation.loss"}, \(parameters)\(cap)\(more)}
      """
  }

  private static func loss(_ assignment: Assignment, _ seed: Int) -> Double {
    var loss = 0.01 * Double(seed)
    for (path, value) in assignment {
      switch path {
      case "optimizer.learning_rate": loss += abs(log10(value.double ?? 1) + 2)
      case "model.dropout": loss += value.double ?? 0
      default: loss += value.string == "tanh" ? 0 : 0.5
      }
    }
    return loss
  }

  @Test func aGridRunsEveryTrialOnceAndRanksByTheMeanOverSeeds() throws {
    var runs: [String: Int] = [:]
    var simulation = try Simulation(Self.sweep("grid", #", "seeds": [3, 5]"#)) { assignment, seed, rung in
      runs["\(text(of: assignment)) \(seed)", default: 0] += 1
      return reached(Self.loss(assignment, seed), rung, of: 1)
    }
    #expect(try simulation.runToEnd() == .complete)
    #expect(runs.count == 12 && runs.values.allSatisfy { $0 == 1 }, "\(runs)")
    let ids = simulation.state.points.flatMap(\.trials).map(\.id)
    #expect(Set(ids).count == 12 && ids.allSatisfy { $0.count == 12 })
    let ranking = simulation.state.ranking(simulation.definition.metric, rungCount: 1)
    #expect(ranking.map(\.point) == [1, 3, 0, 5, 2, 4] || ranking.count == 6)
    let best = simulation.state.points[try #require(ranking.first).point]
    #expect(text(of: best.assignment) == "model.dropout=0 model.activation=tanh")
    let statistics = try #require(best.statistics(of: "validation.loss", at: 0))
    #expect(abs(statistics.mean - 0.04) < 1e-12 && abs((statistics.deviation ?? 0) - 0.01 * 2.0.squareRoot()) < 1e-12)
  }

  /// Also in the journals of versions that counted a full disk as a failure.
  @Test(arguments: [
    "cannot write metrics.jsonl: No space left on device; check", "cannot write x: Disk quota exceeded",
    "checkpoint of step 3 not saved: /run has 5 bytes free, 9 are needed: free space or keep fewer checkpoints",
  ])
  func aFullDiskIsNoFailureOfATrial(reason: String) throws {
    var attempts = 0
    var simulation = try Simulation(Self.sweep("grid", #", "retries": 0"#)) { assignment, seed, rung in
      attempts += 1
      if attempts < 4 { return TrialResult(state: .failed, reason: reason) }
      return reached(Self.loss(assignment, seed), rung, of: 1)
    }
    #expect(try simulation.runToEnd() == .complete)
    #expect(attempts == 9)
    #expect(simulation.state.points.flatMap(\.trials).allSatisfy { $0.isFinished && !$0.hasFailed })
  }

  @Test(arguments: [
    ("grid", ""), ("random", ""), ("tpe", ""), ("random", #", "seeds": 2"#),
    ("random", #", "early_terminate": {"type": "asha", "first": "1 epoch", "eta": 3}"#),
    ("tpe", #", "early_terminate": {"type": "hyperband", "first": "3 epochs"}, "seeds": 2"#),
    ("random", #", "early_terminate": {"type": "median", "first": "3 epochs", "min_points": 3}"#),
  ])
  func aSweepWhoseWorkersDieComesToTheSame(method: String, more: String) throws {
    func simulate(dying: Bool) throws -> Simulation {
      let sweep = Self.sweep(method, more)
      let rungCount = try SweepDefinition(
        JSONParser.parse(sweep, file: "s"), folder: URL(fileURLWithPath: ".")
      ).rungs.count
      var done: Set<String> = []
      var simulation = try Simulation(sweep) { assignment, seed, rung in
        let key = "\(text(of: assignment)) \(seed) \(rung)"
        #expect(done.insert(key).inserted, "twice: \(key)")
        return reached(Self.loss(assignment, seed) / Double(rung + 1), rung, of: rungCount)
      }
      var random = SplitMix(state: 5)
      for number in 0..<1000 {
        let dies = dying && random.next() % 3 == 0
        if try simulation.step(worker: dying ? "w\(number)" : "w", dies: dies) != nil { return simulation }
        if dies { try simulation.restart() }
      }
      Issue.record("never ends")
      return simulation
    }
    let whole = try simulate(dying: false)
    let killed = try simulate(dying: true)
    #expect(killed.state.points.count == whole.state.points.count)
    #expect(whole.state.points.allSatisfy { $0.refusal == nil && $0.trials.contains { !$0.results.isEmpty } })
    for (a, b) in zip(whole.state.points, killed.state.points) {
      #expect(text(of: a.assignment) == text(of: b.assignment))
      #expect(a.rung == b.rung && a.stopReason == b.stopReason)
      for (mine, theirs) in zip(a.trials, b.trials) {
        #expect(mine.id == theirs.id && mine.results == theirs.results)
      }
    }
  }

  @Test func aCrashIsRetriedAndThenCounts() throws {
    var attempts: [String: Int] = [:]
    var simulation = try Simulation(Self.sweep("grid", #", "retries": 2"#)) { assignment, seed, rung in
      let key = text(of: assignment)
      attempts[key, default: 0] += 1
      if key.contains("dropout=0.1") { return nil }
      if key.contains("dropout=0.2") { return TrialResult(state: .diverged, reason: "not finite") }
      return reached(Self.loss(assignment, seed), rung, of: 1)
    }
    #expect(try simulation.runToEnd() == .complete)
    // Killed: once and two retries. Diverged: it would again.
    #expect(attempts["model.dropout=0.1 model.activation=tanh"] == 3)
    #expect(attempts["model.dropout=0.2 model.activation=tanh"] == 1)
    #expect(attempts["model.dropout=0 model.activation=tanh"] == 1)
    let states = simulation.state.points.map { $0.trials[0].status }
    #expect(states == ["finished", "finished", "killed", "killed", "diverged", "diverged"])
    #expect(simulation.state.ranking(simulation.definition.metric, rungCount: 1).count == 2)
  }

  @Test func aGoodResultThatComesLaterSettlesATrial() throws {
    var simulation = try Simulation(Self.sweep("grid", #", "retries": 0"#)) { reached(Self.loss($0, $1), $2, of: 1) }
    #expect(try simulation.step(worker: "gone", dies: true) == nil)
    // Another worker takes the trial over and fails; the one that was given up comes to its end after all.
    try simulation.write([
      .claim(point: 0, seed: 0, rung: 0, worker: "w"),
      .result(point: 0, seed: 0, rung: 0, worker: "w", TrialResult(state: .killed, reason: "killed")),
    ])
    #expect(simulation.state.points[0].trials[0].hasFailed)
    try simulation.write([
      .claim(point: 0, seed: 0, rung: 0, worker: "late"),
      .result(point: 0, seed: 0, rung: 0, worker: "gone", reached(0.5, 0, of: 1)),
    ])
    let trial = simulation.state.points[0].trials[0]
    #expect(!trial.hasFailed && trial.claim == nil && trial.status == "finished")
    #expect(simulation.state.points[0].isSettled)
  }

  @Test func aClaimOfTheNextRungOutlivesALateResult() throws {
    let sweep = Self.sweep("grid", #", "early_terminate": {"type": "asha", "first": "1 epoch", "eta": 3}"#)
    var simulation = try Simulation(sweep) { reached(Self.loss($0, $1), $2, of: 4) }
    #expect(try simulation.step(worker: "w") == nil)
    try simulation.write([
      .claim(point: 0, seed: 0, rung: 1, worker: "w"),
      .result(point: 0, seed: 0, rung: 0, worker: "late", reached(0.5, 0, of: 4)),
    ])
    #expect(simulation.state.points[0].trials[0].claim?.rung == 1)
  }

  @Test func nobodyWaitsForTheClaimOfTheDead() throws {
    let sweep = """
      {"name": "s", \(Simulation.base), "method": "grid", "metric": {"name": "validation.loss"},
       "parameters": {"model.activation": {"values": ["relu"]}}}
      """
    var simulation = try Simulation(sweep) { reached(Self.loss($0, $1), $2, of: 1) }
    #expect(try simulation.step(worker: "other", dies: true) == nil)
    // What was stopped meanwhile is taken over by nobody.
    try simulation.write([.stop(point: 0, reason: "worse")])
    #expect(try simulation.scheduler.next(simulation.state, worker: "w") { _ in true }.action == .wait)
    #expect(try simulation.scheduler.next(simulation.state, worker: "w") { $0 == "w" }.action == .done(.complete))
  }

  @Test func aGridLeavesNoPointOutBehindManyThatAreTheSame() throws {
    // The whole optimizer is set after its rate, so that only the two lengths are trials of their own.
    let rates = (1...250).map { "\($0)e-3" }.joined(separator: ", ")
    let sweep = """
      {"name": "s", \(Simulation.base), "method": "grid", "metric": {"name": "validation.loss"},
       "parameters": {
         "training.duration": {"values": ["27 epochs", "9 epochs"]}, "optimizer.learning_rate": {"values": [\(rates)]},
         "optimizer": {"values": [{"type": "adamw"}]}
       }}
      """
    var simulation = try Simulation(sweep) { _, _, rung in reached(0.5, rung, of: 1) }
    #expect(try simulation.runToEnd() == .complete)
    #expect(simulation.state.points.map { $0.assignment[0].value.string } == ["27 epochs", "9 epochs"])
    #expect(simulation.state.points.allSatisfy { $0.trials.allSatisfy(\.isFinished) })
  }

  @Test(arguments: [
    (#""method": "grid", "parameters": {"name": {"values": ["a", "b"]}}"#, "parameters[\"name\"]"),
    (
      #""method": "grid", "parameters": {"model.depth": {"distribution": "int_uniform", "min": 0, "max": 1e12}}"#,
      "more than 1048576 points"
    ),
    (
      #""method": "grid", "parameters": {"model.dropout": {"distribution": "uniform", "min": 0, "max": 0.5}}"#,
      "use method random or tpe for a continuous range"
    ),
    (#""method": "random", "tpe": {}, "parameters": {"model.dropout": {"values": [0]}}"#, "tpe: never used with method"),
    (#""method": "grid", "search_seed": 2, "parameters": {"model.dropout": {"values": [0]}}"#, "never used with"),
    (#""method": "annealing", "parameters": {"model.dropout": {"values": [0]}}"#, "unknown value \"annealing\""),
    (
      #""method": "grid", "parameters": {"model.activation": {"values": ["relu"]}}, "seeds": 2, "#
        + #""overrides": {"seed": 9223372036854775807}"#, "smaller \"seed\""
    ),
  ])
  func whatCannotBeASweepIsRefusedInOneLine(keys: String, words: String) throws {
    let sweep = "{\"name\": \"s\", \(Simulation.base), \"metric\": {\"name\": \"validation.loss\"}, \(keys)}"
    let error = #expect(throws: ConfigurationError.self) {
      try SweepDefinition(JSONParser.parse(sweep, file: "sweep.json"), folder: URL(fileURLWithPath: "."))
    }
    let line = error?.description ?? ""
    #expect(line.contains(words) && !line.contains("\n"), "\(line)")
  }

  @Test func aTargetAndACapEndTheSweep() throws {
    let target = Self.sweep("grid").replacing(
      #"{"name": "validation.loss"}"#, with: #"{"name": "validation.loss", "target": 0.3}"#)
    var simulation = try Simulation(target) { reached(Self.loss($0, $1), $2, of: 1) }
    #expect(try simulation.runToEnd() == .target)
    #expect(simulation.state.points.count == 2)
    var capped = try Simulation(Self.sweep("grid", #", "run_cap": 4"#)) { reached(Self.loss($0, $1), $2, of: 1) }
    #expect(try capped.runToEnd() == .complete)
    #expect(capped.state.points.count == 4)
    var timed = try Simulation(Self.sweep("grid", #", "time_cap": "1 hour""#)) { reached(Self.loss($0, $1), $2, of: 1) }
    try timed.write([.worker(WorkerRecord(id: "w", host: "h", boot: "b", process: 1, jobs: 1))])
    try timed.state.apply(.heartbeat(worker: "w"), time: 4000)
    #expect(try timed.runToEnd() == .timeCap)
  }

  @Test func aFiniteSpaceIsUsedUpWithoutRepeating() throws {
    for method in ["random", "tpe"] {
      let sweep = """
        {"name": "s", \(Simulation.base), "method": "\(method)", "metric": {"name": "validation.loss"},
         "parameters": {"model.activation": {"values": ["relu", "tanh", "sigmoid"]}, "model.dropout": {"values": [0, 0.1]}}}
        """
      var simulation = try Simulation(sweep) { reached(Self.loss($0, $1), $2, of: 1) }
      #expect(try simulation.runToEnd() == .complete)
      #expect(Set(simulation.state.points.map { text(of: $0.assignment) }).count == 6, "\(method)")
    }
  }

  @Test func aMetricThatNoTrialReportsIsSaid() throws {
    var simulation = try Simulation(Self.sweep("grid")) { _, _, _ in
      TrialResult(state: .finished, metrics: [("loss", 1), ("seconds", 2)])
    }
    #expect(try simulation.step(worker: "w") == nil)
    let error = #expect(throws: (any Error).self) { try simulation.step(worker: "w") }
    #expect("\(String(describing: error))".contains("no trial reports"))
  }

  @Test func aValueThatTheConfigurationRefusesCostsNoProcess() throws {
    let sweep = """
      {"name": "s", \(Simulation.base), "method": "grid", "metric": {"name": "validation.loss"},
       "parameters": {"model.dropout": {"values": [0.1, 2]}}}
      """
    var simulation = try Simulation(sweep) { reached(Self.loss($0, $1), $2, of: 1) }
    #expect(try simulation.runToEnd() == .complete)
    #expect(simulation.state.points.count == 2)
    #expect(simulation.state.points[1].refusal?.contains("model.dropout") == true)
    // Where it is known beforehand, the sweep is not begun.
    let error = #expect(throws: ConfigurationError.self) { try simulation.definition.checkSpace(microBatches: 1) }
    #expect(error?.description.contains("model.dropout") == true)
  }
}

/// A small generator for tests (Steele, Lea and Flood 2014).
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
