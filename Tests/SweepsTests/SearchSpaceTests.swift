import Configuration
import Foundation
import JSON
import Sweeps
import Testing

/// Parameters, conditions, grids and random draws.
@Suite struct SearchSpaceTests {
  static func space(_ text: String) throws -> SearchSpace {
    let reader = try SettingsReader(.object([("parameters", JSONParser.parse(text, file: "sweep.json"))]))
    return try SearchSpace(reader.map("parameters", of: SearchParameter.self, "what is varied"))
  }

  @Test func aGridHasEveryPointOnceTheLastParameterTheFastest() throws {
    let space = try Self.space(
      #"{"model.depth": {"values": [5, 20]}, "model.activation": {"values": ["relu", "tanh"]}}"#)
    let points = try #require(space.grid()).map(text(of:))
    #expect(
      points == [
        "model.depth=5 model.activation=relu", "model.depth=5 model.activation=tanh",
        "model.depth=20 model.activation=relu", "model.depth=20 model.activation=tanh",
      ])
  }

  @Test func aConditionalParameterIsThereOnlyWhereItsConditionHolds() throws {
    let space = try Self.space(
      #"""
      {
        "optimizer.type": {"values": ["sgd", "adamw"]},
        "optimizer.momentum": {"values": [0, 0.9], "when": {"optimizer.type": "sgd"}},
        "optimizer.nesterov": {"values": [true, false], "when": {"optimizer.momentum": [0.9]}}
      }
      """#)
    let points = try #require(space.grid()).map(text(of:))
    #expect(
      points == [
        "optimizer.type=sgd optimizer.momentum=0",
        "optimizer.type=sgd optimizer.momentum=0.9 optimizer.nesterov=true",
        "optimizer.type=sgd optimizer.momentum=0.9 optimizer.nesterov=false", "optimizer.type=adamw",
      ])
  }

  @Test func aSpaceThatNobodyCanListIsCountedAtOnce() throws {
    let wide = try Self.space(
      #"{"a": {"distribution": "int_uniform", "min": 0, "max": 1e12}, "b": {"values": [1, 2]}}"#)
    #expect(wide.grid(most: 10)?.count == 10 && wide.count(most: 7) == 7)
    #expect(wide.count(most: 1 << 50) == 2_000_000_000_002)
    let tree = try Self.space(#"{"a": {"values": [1, 2]}, "b": {"values": [1, 2, 3], "when": {"a": 1}}}"#)
    #expect(tree.count(most: 100) == 4 && tree.count(most: 3) == 3)
    let line = try Self.space(#"{"a": {"distribution": "uniform", "min": 0, "max": 1}}"#)
    #expect(line.count(most: 100) == nil)
  }

  @Test func conditionsMustNameWhatThereIs() throws {
    let bad = [
      (#"{"a": {"values": [1], "when": {"b": 1}}, "b": {"values": [1]}}"#, "is not a parameter before this one"),
      (#"{"b": {"values": [1]}, "a": {"values": [1], "when": {"b": 2}}}"#, "never 2"),
    ]
    for (text, words) in bad {
      let error = #expect(throws: ConfigurationError.self) { try Self.space(text) }
      #expect(error?.description.contains(words) == true, "\(String(describing: error))")
    }
  }

  @Test(arguments: [
    (#"{"distribution": "uniform", "min": 1, "max": 1}"#, "the range is empty"),
    (#"{"distribution": "log_uniform", "min": 0, "max": 1}"#, "above 0"),
    (#"{"distribution": "int_uniform", "min": 0.5, "max": 3}"#, "whole number"),
    (#"{"distribution": "uniform", "min": 1}"#, "\"max\" is missing"),
    (#"{"values": []}"#, "at least 1"), (#"{"values": [1, 2, 1]}"#, "twice"),
    (#"{"values": [1], "min": 2}"#, "never used"), (#"{"min": 1, "max": 2}"#, "\"distribution\""),
    (#"{"distribution": "unifrom", "min": 1, "max": 2}"#, "did you mean \"uniform\""),
  ])
  func whatIsNoDomainIsRefusedInOneLine(text: String, words: String) throws {
    let error = #expect(throws: ConfigurationError.self) { try Self.space("{\"x\": \(text)}") }
    let line = error?.description ?? ""
    #expect(line.contains(words) && line.contains("parameters[\"x\"]") && !line.contains("\n"), "\(line)")
  }

  @Test func randomDrawsFollowTheirDistributionAndTheirNumber() throws {
    let space = try Self.space(
      #"""
      {
        "rate": {"distribution": "log_uniform", "min": 1e-4, "max": 1},
        "width": {"distribution": "int_uniform", "min": 3, "max": 6},
        "kind": {"distribution": "categorical", "values": ["a", "b"]}
      }
      """#)
    let sampler = RandomSampler(space, seed: 3)
    var decades = [Int](repeating: 0, count: 4)
    var widths: [Int: Int] = [:]
    var kinds: [String: Int] = [:]
    let count = 4000
    for number in 0..<count {
      let point = try #require(sampler.propose(number: number, attempt: 0, observations: []))
      let rate = try #require(point[0].value.double)
      #expect((1e-4...1).contains(rate))
      decades[min(3, Int((log10(rate) + 4)))] += 1
      widths[try #require(point[1].value.integer), default: 0] += 1
      kinds[try #require(point[2].value.string), default: 0] += 1
    }
    #expect(decades.allSatisfy { abs($0 - count / 4) < count / 20 }, "\(decades)")
    #expect(
      Set(widths.keys) == [3, 4, 5, 6] && widths.values.allSatisfy { abs($0 - count / 4) < count / 20 }, "\(widths)")
    #expect(kinds.values.allSatisfy { abs($0 - count / 2) < count / 20 }, "\(kinds)")
    // A function of seed, number and attempt alone.
    func draw(_ sampler: RandomSampler, _ number: Int, _ attempt: Int) -> String {
      text(of: sampler.propose(number: number, attempt: attempt, observations: []) ?? [])
    }
    #expect(draw(sampler, 17, 0) == draw(RandomSampler(space, seed: 3), 17, 0))
    #expect(draw(sampler, 17, 0) != draw(sampler, 17, 1))
    #expect(draw(sampler, 17, 0) != draw(RandomSampler(space, seed: 4), 17, 0))
  }
}
