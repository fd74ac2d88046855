import Configuration
import Foundation
import Optimizers
import Testing

@Suite struct ScheduleTests {
  private let horizon = ScheduleHorizon(totalSteps: 200, stepsPerEpoch: 20)

  private func schedule(_ text: String) throws -> any Schedule {
    try scheduleCatalog.read(json(text), path: "schedule").product
  }

  struct Points: Sendable, CustomTestStringConvertible {
    let json: String
    let factors: [(step: Int, factor: Double)]
    var testDescription: String { json }
  }

  private static let points = [
    Points(json: #"{"type": "constant"}"#, factors: [(0, 1), (199, 1)]),
    Points(json: #"{"type": "constant", "warmup": "4 steps"}"#, factors: [(0, 0.2), (3, 0.8), (4, 1)]),
    Points(json: #"{"type": "linear_warmup", "warmup": "9 steps"}"#, factors: [(0, 0.1), (8, 0.9), (9, 1), (199, 1)]),
    Points(
      json: #"{"type": "cosine", "warmup": "50 steps", "final_fraction": 0}"#,
      factors: [
        (0, 1.0 / 51), (49, 50.0 / 51), (50, 1), (125, 0.5), (100, 0.75), (199, 0.5 * (1 + cos(Double.pi * 149 / 150))),
        (200, 0),
        (1000, 0),
      ]),
    Points(json: #"{"type": "cosine", "final_fraction": 0.2}"#, factors: [(0, 1), (100, 0.6), (200, 0.2)]),
    Points(json: #"{"type": "linear", "warmup": "1 epoch"}"#, factors: [(0, 1.0 / 21), (20, 1), (110, 0.5), (200, 0)]),
    Points(
      json: #"{"type": "polynomial", "power": 2, "final_fraction": 0.5}"#, factors: [(0, 1), (100, 0.625), (200, 0.5)]),
    Points(
      json: #"{"type": "step", "every": "3 epochs", "gamma": 0.5}"#,
      factors: [(0, 1), (59, 1), (60, 0.5), (120, 0.25), (199, 0.125)]),
    Points(
      json: #"{"type": "step", "milestones": ["5 epochs", "150 steps"], "warmup": "4 steps"}"#,
      factors: [(0, 0.2), (99, 1), (100, 0.1), (149, 0.1), (150, 0.01)]),
    Points(json: #"{"type": "step"}"#, factors: [(0, 1), (599, 1), (600, 0.1)]),
    Points(
      json: #"{"type": "inverse_square_root", "warmup": "24 steps"}"#, factors: [(0, 0.04), (24, 1), (99, 0.5)]),
    Points(json: #"{"type": "inverse_square_root"}"#, factors: [(0, 1), (3, 0.5)]),
    Points(
      json: #"{"type": "warm_restarts", "period": "10 steps", "multiplier": 2}"#,
      factors: [(0, 1), (5, 0.5), (10, 1), (20, 0.5), (30, 1), (50, 0.5), (70, 1)]),
    Points(
      json: #"{"type": "warm_restarts", "period": "10 steps", "warmup": "5 steps"}"#,
      factors: [(4, 5.0 / 6), (5, 1), (10, 0.5), (15, 1), (20, 0.5)]),
    Points(
      json: #"{"type": "warmup_stable_decay", "warmup": "9 steps", "final_fraction": 0.2}"#,
      factors: [(0, 0.1), (9, 1), (160, 1), (180, 0.6), (200, 0.2)]),
    Points(
      json: #"{"type": "warmup_stable_decay", "decay": "100 steps", "decay_shape": "one_minus_sqrt"}"#,
      factors: [(100, 1), (125, 0.5), (200, 0)]),
    Points(json: #"{"type": "reduce_on_plateau", "warmup": "1 step"}"#, factors: [(0, 0.5), (1, 1), (199, 1)]),
  ]

  @Test func everyScheduleHasPoints() throws {
    let kinds = try Self.points.compactMap { try json($0.json)["type"]?.string }
    #expect(Set(kinds) == Set(scheduleCatalog.entries.map(\.kind)))
  }

  @Test(arguments: points)
  func keyPoints(_ points: Points) throws {
    let schedule = try schedule(points.json)
    try schedule.check(horizon)
    for (step, factor) in points.factors {
      #expect(abs(schedule.factor(step: step, horizon: horizon) - factor) < 1e-12, "step \(step)")
    }
  }

  @Test(arguments: scheduleCatalog.entries.map(\.kind)) func factorsStayBetween0And1(_ kind: String) throws {
    let schedule = try schedule(#"{"type": "\#(kind)", "warmup": "7 steps"}"#)
    for total in [1, 7, 8, 9, 200] {
      let horizon = ScheduleHorizon(totalSteps: total, stepsPerEpoch: 3)
      for step in 0...210 {
        let factor = schedule.factor(step: step, horizon: horizon)
        #expect(factor >= 0 && factor <= 1, "step \(step) of \(total)")
      }
    }
  }

  @Test(arguments: [
    (
      #"{"type": "cosine", "warmup": "11 epochs"}"#,
      "test:1:30: schedule.warmup: 11 epochs is 220 steps, longer than the whole run of 200"
    ),
    (
      #"{"type": "warmup_stable_decay", "warmup": "150 steps", "decay": "51 steps"}"#,
      "schedule.decay: 51 steps is 51 steps, but only 50"
    ),
    (#"{"type": "warm_restarts", "warmup": "99999999999999999 epochs"}"#, "schedule.warmup"),
  ])
  func lengthsBeyondTheRunAreRefused(_ text: String, _ expected: String) throws {
    let schedule = try schedule(text)
    let error = #expect(throws: ConfigurationError.self) { try schedule.check(horizon) }
    #expect(error?.description.contains(expected) == true, "\(error?.description ?? "")")
    try schedule.check(ScheduleHorizon(totalSteps: 0, stepsPerEpoch: 20))
  }

  @Test func bothFormsOfStepAreRefused() throws {
    #expect(
      try failure(scheduleCatalog, #"{"type": "step", "every": "1 epoch", "milestones": ["1 epoch"]}"#)?
        .contains("every: is written beside \"milestones\"") == true)
    #expect(try failure(scheduleCatalog, #"{"type": "step", "milestones": ["1"]}"#)?.contains("milestones[0]") == true)
  }

  @Test func plateausReduceAfterPatienceAndCooldown() throws {
    let text = #"{"type": "reduce_on_plateau", "factor": 0.5, "patience": 1, "cooldown": 1, "minimum_fraction": 0.2}"#
    var state = try #require(try schedule(text).initialPlateau)
    var factors: [Double] = []
    for loss in [1.0, 0.5, 0.5, 0.49999, 0.6, 0.6, 0.6, .nan, .infinity, 0.1, 0.1, 0.1, 0.1] {
      state.observe(loss: loss, accuracy: 0)
      factors.append(state.factor)
    }
    // As PyTorch's ReduceLROnPlateau(0.5, patience=1, threshold=1e-4, cooldown=1, min_lr=0.2) of a rate of 1.
    #expect(factors == [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.25, 0.2, 0.2])
  }

  @Test func plateausAreSavedAndRead() throws {
    let text = #"{"type": "reduce_on_plateau", "monitor": "validation.accuracy", "patience": 2, "factor": 0.3}"#
    let fresh = try #require(try schedule(text).initialPlateau)
    #expect(try PlateauState(json: json(fresh.json.compactText)) == fresh)
    var state = fresh
    for accuracy in [0.1, 0.3, 0.2, 0.1, 0.3, 0.1] { state.observe(loss: 0, accuracy: accuracy) }
    #expect(state.best == 0.3 && state.factor == 0.3)
    var copy = try PlateauState(json: json(state.json.compactText))
    #expect(copy == state)
    for accuracy in [0.1, 0.31, 0.2, 0.2, 0.2] {
      state.observe(loss: 0, accuracy: accuracy)
      copy.observe(loss: 0, accuracy: accuracy)
    }
    #expect(copy == state)
    for broken in ["{}", "[]", #"{"rule": {}, "waited": -1, "cooldown": 0, "factor": 1}"#] {
      #expect(throws: ConfigurationError.self) { try PlateauState(json: json(broken)) }
    }
  }
}
