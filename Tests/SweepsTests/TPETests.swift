import Configuration
import Foundation
import JSON
import Sweeps
import Testing

/// The tree-structured Parzen estimator on functions that others are measured by.
@Suite struct TPETests {
  /// A function over the unit cube of its dimension, to be made small.
  struct Landscape: Sendable, CustomTestStringConvertible {
    let name: String
    let dimensions: Int
    let value: @Sendable ([Double]) -> Double
    var testDescription: String { name }
  }

  /// Surjanovic and Bingham, "Virtual Library of Simulation Experiments", with their usual domains.
  static let landscapes = [
    Landscape(name: "Branin", dimensions: 2) { u in
      let (x, y) = (15 * u[0] - 5, 15 * u[1])
      let bowl = y - 5.1 / (4 * .pi * .pi) * x * x + 5 / .pi * x - 6
      return bowl * bowl + 10 * (1 - 1 / (8 * .pi)) * cos(x) + 10
    },
    Landscape(name: "Hartmann6", dimensions: 6) { u in
      let a: [[Double]] = [
        [10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14],
      ]
      let p: [[Double]] = [
        [1312, 1696, 5569, 124, 8283, 5886], [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
      ]
      return zip([1, 1.2, 3, 3.2], zip(a, p)).reduce(0) { sum, row in
        let away = u.indices.reduce(0) { $0 + row.1.0[$1] * pow(u[$1] - 1e-4 * row.1.1[$1], 2) }
        return sum - row.0 * exp(-away)
      }
    },
    Landscape(name: "Rosenbrock", dimensions: 4) { u in
      let x = u.map { 15 * $0 - 5 }
      return zip(x, x.dropFirst()).reduce(0) { $0 + 100 * pow($1.1 - $1.0 * $1.0, 2) + pow(1 - $1.0, 2) }
    },
    Landscape(name: "Ackley", dimensions: 5) { u in
      let x = u.map { 65.536 * $0 - 32.768 }
      let squares = x.reduce(0) { $0 + $1 * $1 } / Double(x.count)
      let waves = x.reduce(0) { $0 + cos(2 * .pi * $1) } / Double(x.count)
      return -20 * exp(-0.2 * squares.squareRoot()) - exp(waves) + 20 + exp(1)
    },
  ]

  static func space(_ dimensions: Int) throws -> SearchSpace {
    let range = SearchParameter(.numbers(low: 0, high: 1, isLogarithmic: false, isWhole: false))
    return try SearchSpace((0..<dimensions).map { ("x\($0)", range) })
  }

  /// The best value of `budget` points.
  static func best(_ landscape: Landscape, _ sampler: some Sampler, budget: Int) -> Double {
    var observations: [Observation] = []
    for number in 0..<budget {
      guard let point = sampler.propose(number: number, attempt: 0, observations: observations) else { break }
      let value = landscape.value(point.compactMap(\.value.double))
      observations.append(Observation(point, rung: 0, cost: value))
    }
    return observations.map(\.cost).min() ?? .infinity
  }

  static func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
  }

  @Test(arguments: landscapes) func beatsRandomAtEqualBudget(_ landscape: Landscape) throws {
    let space = try Self.space(landscape.dimensions)
    let seeds = UInt64(1)...20
    let budget = 80
    let random = Self.median(seeds.map { Self.best(landscape, RandomSampler(space, seed: $0), budget: budget) })
    let tpe = Self.median(
      seeds.map { Self.best(landscape, TPESampler(space, TPESettings(), seed: $0), budget: budget) })
    print("\(landscape.name): random \(random), tpe \(tpe)")
    #expect(tpe < random, "tpe \(tpe), random \(random)")
  }

  @Test func findsTheGoodBranchOfATree() throws {
    let space = try SearchSpaceTests.space(
      #"""
      {
        "kind": {"values": ["a", "b", "c"]},
        "x": {"distribution": "uniform", "min": 0, "max": 1, "when": {"kind": "a"}},
        "n": {"distribution": "int_log_uniform", "min": 1, "max": 1024, "when": {"kind": "b"}}
      }
      """#)
    func cost(_ point: Assignment) -> Double {
      switch point[0].value.string {
      case "a": 1 + abs((point[1].value.double ?? 0) - 0.5)
      case "b": abs(log2(point[1].value.double ?? 1) - 7) / 7
      default: 2
      }
    }
    let sampler = TPESampler(space, TPESettings(), seed: 1)
    var observations: [Observation] = []
    for number in 0..<60 {
      let point = try #require(sampler.propose(number: number, attempt: 0, observations: observations))
      observations.append(Observation(point, rung: 0, cost: cost(point)))
    }
    let later = observations.dropFirst(20)
    #expect(later.count { $0.assignment[0].value.string == "b" } > later.count / 2)
    #expect((observations.map(\.cost).min() ?? 9) < 0.05)
  }

  @Test func whatIsRunningKeepsOthersAway() throws {
    let space = try Self.space(1)
    let sampler = TPESampler(space, TPESettings(startup: 4), seed: 1)
    func point(_ x: Double) -> Assignment { [("x0", .number(x))] }
    var observations = (0..<20).map { Observation(point(Double($0) / 20), rung: 0, cost: abs(Double($0) / 20 - 0.3)) }
    let first = try #require(sampler.propose(number: 20, attempt: 0, observations: observations)?[0].value.double)
    #expect(abs(first - 0.3) < 0.2)
    observations += (0..<12).map { _ in Observation(point(first), rung: nil, cost: .infinity) }
    let second = try #require(sampler.propose(number: 20, attempt: 0, observations: observations)?[0].value.double)
    #expect(second != first)
  }
}
