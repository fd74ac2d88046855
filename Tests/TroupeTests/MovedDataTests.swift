import Foundation
import JSON
import TestSupport
import Testing

/// Data that lie elsewhere than when the run began: equal bytes are enough.
@Suite struct MovedDataTests {
  let workspace: Workspace

  init() throws {
    workspace = try .withSmallConfiguration()
    let rows = (0..<120).map { "\(Double($0 % 3) + Double($0 % 7) / 10),\(Double($0 % 5) / 3),k\($0 % 3)\n" }
    try workspace.write("a,b,class\n" + rows.joined(), "old/t.csv")
    try workspace.write("a,b,class\n" + rows.reversed().joined(), "other.csv")
    try workspace.write(
      """
      {
        "name": "c", "data": {"type": "csv", "file": "old/t.csv", "target": "class", "batch_size": 10, "standardize": true},
        "model": {"type": "mlp", "widths": [8]}, "training": {"duration": "6 epochs", "micro_batches": 1}
      }
      """, "c.json")
  }

  private func move(_ path: String, to target: String) throws {
    try FileManager.default.moveItem(at: workspace.file(path), to: workspace.file(target))
  }

  @Test func aRunResumesAndIsEvaluated() throws {
    let whole = try workspace.succeed("train", "c.json", "--run-dir", "whole", "--json").json()
    #expect(try workspace.troupe("train", "c.json", "--run-dir", "run", "--stop-after", "2 epochs").exitCode == 75)
    let before = try workspace.succeed("evaluate", "run", "--split", "validation", "--json").json()
    try move("old", to: "new")
    try workspace.refuse("evaluate", "run", "--split", "validation", saying: ["old/t.csv"])
    let found = try workspace.succeed(
      "evaluate", "run", "--split", "validation", "--set", "data.file=new/t.csv", "--json"
    ).json()
    #expect(found["loss"] == before["loss"] && found["step"] == before["step"])
    let resumed = try workspace.succeed(
      "train", "c.json", "--run-dir", "run", "--resume", "--set", "data.file=new/t.csv", "--json"
    ).json()
    #expect(resumed["parameters_digest"] == whole["parameters_digest"])
    // Checkpoints from before the move are found out about by the run's configuration.
    let steps = try workspace.checkpointSteps("run")
    for step in steps {
      try workspace.succeed("evaluate", "run", "--split", "validation", "--checkpoint", String(step))
    }
  }

  @Test func otherDataAreRefused() throws {
    #expect(try workspace.troupe("train", "c.json", "--run-dir", "run", "--stop-after", "2 epochs").exitCode == 75)
    try workspace.refuse(
      "train", "c.json", "--run-dir", "run", "--resume", "--set", "data.file=other.csv", code: 1,
      saying: ["other.csv", "not the data"])
    #expect(try workspace.text("run/config.resolved.json").contains("old/t.csv"))
    try workspace.refuse(
      "evaluate", "run", "--split", "validation", "--set", "data.file=other.csv",
      saying: ["other.csv", "not the data"])
    try workspace.refuse(
      "evaluate", "run", "--set", "data.standardize=false", saying: ["data.standardize", "data.file"])
    try workspace.refuse("evaluate", "run", "--set", "model.widths=[9]", saying: ["model.widths", "data.file"])
  }

  @Test func aRunWithoutCheckpointsBeginsAgain() throws {
    #expect(try workspace.troupe("train", "c.json", "--run-dir", "run", "--stop-after", "1 epochs").exitCode == 75)
    for name in try workspace.names("run") where name.contains(".h5") {
      try FileManager.default.removeItem(at: workspace.file("run/\(name)"))
    }
    try move("old", to: "new")
    try workspace.succeed("train", "c.json", "--run-dir", "run", "--resume", "--set", "data.file=new/t.csv")
  }

  @Test func textAndItsTokenizerMove() throws {
    try workspace.write(String(repeating: "the quick brown fox jumps over the lazy dog. ", count: 60), "old/a.txt")
    try workspace.succeed("tokenizer", "train", "old/a.txt", "--vocabulary", "270", "--output", "old/t.json")
    try workspace.write(
      """
      {
        "name": "t",
        "data": {
          "type": "text", "files": "old/a.txt", "length": 8, "batch_size": 4,
          "tokenizer": {"type": "byte_pair", "file": "old/t.json"}
        },
        "model": {"type": "transformer", "layers": 1, "width": 8, "heads": 1},
        "training": {"duration": "4 steps", "micro_batches": 1}, "checkpoints": {"every": "2 steps"}
      }
      """, "t.json")
    #expect(try workspace.troupe("train", "t.json", "--run-dir", "text", "--stop-after", "2 steps").exitCode == 75)
    try move("old", to: "new")
    try workspace.succeed(
      "train", "t.json", "--run-dir", "text", "--resume", "--set", "data.files=new/a.txt", "--set",
      "data.tokenizer.file=new/t.json")
    try workspace.succeed("evaluate", "text", "--split", "validation")
  }
}
