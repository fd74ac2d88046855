import Configuration
import Foundation
import JSON
import Runs
import Sweeps

/// A sweep whose trials are a formula: everything but the processes.
struct Simulation {
  let definition: SweepDefinition
  let scheduler: SweepScheduler
  /// What the journal would hold.
  var entries: [JournalEntry] = []
  var state: SweepState
  /// The result of a trial at a rung; nil kills the attempt.
  var outcome: (Assignment, _ seed: Int, _ rung: Int) -> TrialResult?

  /// - Parameter base: of spirals, which decode quickly.
  init(_ sweep: String, outcome: @escaping (Assignment, Int, Int) -> TrialResult?) throws {
    let json = try JSONParser.parse(sweep, file: "sweep.json")
    definition = try SweepDefinition(json, folder: URL(fileURLWithPath: "."))
    scheduler = SweepScheduler(definition)
    state = SweepState(definition)
    self.outcome = outcome
    try write([
      .sweep(
        JournalHeader(
          name: definition.name, identity: definition.identity, seeds: definition.seeds, microBatches: 1, build: "test")
      )
    ])
  }

  static let base = """
    "base": {
      "name": "b", "data": {"type": "spirals", "batch_size": 24}, "model": {"type": "mlp", "widths": [8]},
      "optimizer": {"type": "adamw"}, "training": {"duration": "27 epochs", "micro_batches": 1}
    }
    """

  mutating func write(_ new: [JournalEntry]) throws {
    for entry in new { try state.apply(entry, time: Double(entries.count)) }
    entries += new
  }

  /// Reads everything again, as a process that was started anew does.
  mutating func restart() throws {
    state = SweepState(definition)
    for (time, entry) in entries.enumerated() {
      // Through text, as the journal keeps it.
      let line = entry.json(time: Double(time)).compactText
      let read = try JournalEntry(json: JSONParser.parse(line, file: "journal"))
      try state.apply(read, time: Double(time))
    }
  }

  /// One decision and what comes of it.
  ///
  /// - Parameter dies: whether the worker dies between the claim and the result.
  /// - Returns: why the sweep is over, if it is.
  mutating func step(worker: String, dies: Bool = false) throws -> SweepEnd? {
    let (new, action) = try scheduler.next(state, worker: worker) { $0 == worker }
    try write(new)
    switch action {
    case .done(let end): return end
    case .wait: throw RunError("waits for nobody")
    case .run(let point, let seed, let rung):
      if dies { return nil }
      let trial = state.points[point].trials[seed]
      let result =
        outcome(state.points[point].assignment, trial.seed, rung) ?? TrialResult(state: .killed, reason: "killed")
      try write([.result(point: point, seed: seed, rung: rung, worker: worker, result)])
      return nil
    }
  }

  mutating func runToEnd(most: Int = 10_000) throws -> SweepEnd {
    for _ in 0..<most { if let end = try step(worker: "w") { return end } }
    throw RunError("never ends")
  }
}

/// A result with a loss.
func reached(_ loss: Double, _ rung: Int, of rungCount: Int, step: Int = 1) -> TrialResult {
  TrialResult(
    state: rung == rungCount - 1 ? .finished : .paused, metrics: [("validation.loss", loss)], step: step, seconds: 1)
}
