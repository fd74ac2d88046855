import Foundation
import JSON
import TestSupport
import Testing

/// Settings that a resumed run may change: what the run remembers keeps its meaning.
@Suite struct ChangedSettingsTests {
  let workspace: Workspace

  init() throws { workspace = try .withSmallConfiguration() }

  private static let bests = ["--set", "checkpoints.keep_best=2", "--set", "schedule={\"type\": \"constant\"}"]

  private func train(_ more: String..., code: Int32 = 0) throws -> TroupeResult {
    let result = try TroupeProcess(
      ["train", "small.json", "--run-dir", "run", "--json"] + Self.bests + more, in: workspace.url
    ).wait()
    #expect(result.exitCode == code, "\(result.errors)")
    return result
  }

  private func validations() throws -> [JSON] {
    try workspace.text("run/metrics.jsonl").split(separator: "\n").compactMap { line in
      let json = try JSONParser.parse(String(line), file: "metrics.jsonl")
      return json["kind"]?.string == "validation" ? json : nil
    }
  }

  @Test(arguments: [("validation.accuracy", "validation.loss"), ("validation.loss", "validation.accuracy")])
  func anotherMonitorJudgesTheKeptCheckpointsAgain(first: String, second: String) throws {
    _ = try train("--set", "checkpoints.monitor=\(first)", "--stop-after", "2 epochs", code: 75)
    _ = try train(
      "--resume", "--set", "checkpoints.monitor=\(second)", "--set", "training.duration=\"10 epochs\"")
    let key = second == "validation.loss" ? "loss" : "accuracy"
    let sign = key == "loss" ? 1.0 : -1.0
    let values = try validations().map { (step: $0["step"]?.integer ?? 0, value: sign * ($0[key]?.double ?? .nan)) }
    let expected = values.sorted { $0.value < $1.value || $0.value == $1.value && $0.step < $1.step }.prefix(2)
    let best = try #require(try workspace.lastState("run")["best"]?.array)
    #expect(best.map { $0["step"]?.integer } == expected.map { $0.step })
    for (entry, value) in zip(best, expected) {
      #expect(abs((entry["value"]?.double ?? .nan) - sign * value.value) < 1e-6)
    }
    let evaluated = try workspace.succeed("evaluate", "run", "--checkpoint", "best", "--split", "validation", "--json")
    #expect(try evaluated.json()["step"]?.integer == expected.first?.step)
  }

  @Test func fewerBestAreKept() throws {
    _ = try train("--stop-after", "3 epochs", code: 75)
    #expect(try workspace.lastState("run")["best"]?.array?.count == 2)
    _ = try train("--resume", "--set", "checkpoints.keep_best=1")
    #expect(try workspace.lastState("run")["best"]?.array?.count == 1)
  }

  @Test func anotherImprovementCountsAgain() throws {
    _ = try train("--stop-after", "3 epochs", code: 75)
    _ = try train(
      "--resume", "--set", "training.early_stopping={\"patience\": 100, \"min_delta\": 1000}")
    // No loss has ever been lower by 1000: only the first counted.
    let state = try workspace.lastState("run")
    let losses = try validations().map { $0["loss"]?.double ?? .nan }
    #expect(state["evaluations_since_lowest"]?.integer == losses.count - 1)
    #expect(abs((state["lowest_loss"]?.double ?? .nan) - losses[0]) < 1e-6)
  }

  @Test func aRateThatJumpsIsSaid() throws {
    try workspace.succeed("train", "small.json", "--run-dir", "cosine")
    let longer = try workspace.succeed(
      "train", "small.json", "--run-dir", "cosine", "--resume", "--set", "training.duration=\"8 epochs\"")
    #expect(longer.output.contains("the learning rate continues at 0.00"), "\(longer.output)")
    #expect(longer.output.contains("now 8 epochs, was 4 epochs"))
    // A constant rate stays what it is.
    _ = try train("--stop-after", "1 epoch", code: 75)
    #expect(try !train("--resume", "--set", "training.duration=\"5 epochs\"").errors.contains("learning rate continues"))
  }
}
