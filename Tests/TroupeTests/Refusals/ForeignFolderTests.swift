import Foundation
import JSON
import TestSupport
import Testing

/// Folders and files that no run has made: nothing in them is replaced, removed or taken over.
@Suite struct ForeignFolderTests {
  let workspace: Workspace

  init() throws { workspace = try .withSmallConfiguration() }

  private static let short = ["--set", "training.duration=2 steps", "--set", "schedule.warmup=1 steps"]

  private func train(_ arguments: String...) throws -> TroupeResult {
    try TroupeProcess(["train", "small.json"] + Self.short + arguments, in: workspace.url).wait()
  }

  @Test(arguments: [
    "config.json", "report.html", "metrics.jsonl", "init-from.txt", "trace.json", "step-00000002.h5", "notes.txt",
    "samples/step-00000002.png", "evaluation-validation.json", "probe.json", "journal.jsonl",
  ])
  func aFolderWithFilesOfOthersIsRefused(name: String) throws {
    try workspace.write("mine", "theirs/\(name)")
    try workspace.write("mine", "checkpoints/small/\(name)")
    let before = try workspace.snapshot()
    for options in [
      ["--run-dir", "theirs"], ["--run-dir", "theirs/"], [], ["--fresh"], ["--run-dir", "theirs", "--fresh"],
    ] {
      let result = try TroupeProcess(["train", "small.json"] + Self.short + options, in: workspace.url).wait()
      expectRefusal(result, code: 2, saying: ["which no run has made", "--run-dir"])
    }
    try workspace.refuse("train", "small.json", "--run-dir", "theirs", "--resume", saying: ["no run here"])
    #expect(try workspace.snapshot() == before)
  }

  @Test func theFolderOfTheConfigurationIsRefused() throws {
    let before = try workspace.snapshot()
    expectRefusal(try train("--run-dir", "."), code: 2, saying: ["small.json", "--run-dir"])
    #expect(try workspace.snapshot() == before)
  }

  @Test func anEmptyPathIsRefused() throws {
    try workspace.succeed("train", "small.json", "--run-dir", "run")
    let before = try workspace.snapshot()
    for arguments in [
      ["train", "small.json", "--run-dir", ""], ["train", "small.json", "--run-dir="],
      ["train", "small.json", "--init-from", "", "--run-dir", "new"], ["train", ""],
      ["report", "run", "--output", ""], ["report", "run", "--csv", ""], ["report", ""],
      ["export", "run", "--output", ""], ["evaluate", ""], ["verify", ""], ["runs", ""], ["sweep", "report", ""],
      ["sweep", "small.json", "--sweep-dir", ""],
    ] {
      let result = try TroupeProcess(arguments, in: workspace.url).wait()
      expectRefusal(result, code: 2, saying: [])
      #expect(result.errors.contains("empty") || result.errors.contains("Missing value"), "\(result.errors)")
    }
    #expect(try workspace.snapshot() == before)
  }

  @Test func emptyAndHiddenIsFine() throws {
    try workspace.write("", "new/.gitkeep")
    try workspace.write("", "disk/lost+found/.keep")
    for folder in ["new", "disk"] { #expect(try train("--run-dir", folder).exitCode == 0) }
    try FileManager.default.createDirectory(at: workspace.folder("empty"), withIntermediateDirectories: false)
    #expect(try train("--run-dir", "empty").exitCode == 0)
  }

  /// A run that was killed before its configuration was written may be started again.
  @Test func whatAKilledStartLeftIsNoObstacle() throws {
    try workspace.write("", "run/run.lock")
    try workspace.write("{}", "run/config.json")
    try workspace.write("{", "run/config.resolved.json.0123456789abcdef.tmp")
    #expect(try train("--run-dir", "run").exitCode == 0)
  }

  @Test func theCheckpointOfAnotherRunIsRefused() throws {
    try workspace.succeed("train", "small.json", "--run-dir", "first", "--set", "model.width=8")
    #expect(try train("--run-dir", "second").exitCode == 0)
    for name in ["step-00000060.h5", "step-00000060.h5.sha256"] {
      try FileManager.default.copyItem(at: workspace.file("first/\(name)"), to: workspace.file("second/\(name)"))
    }
    let before = try workspace.snapshot("second")
    expectRefusal(try train("--run-dir", "second", "--resume"), code: 2, saying: ["step-00000060.h5", "another run"])
    #expect(try workspace.snapshot("second") == before)
  }

  /// Retention removes the run's own checkpoints only.
  @Test func aCheckpointThatWasPutThereStays() throws {
    try workspace.succeed("train", "small.json", "--run-dir", "first", "--set", "checkpoints.every=1 step")
    let kept = try #require(try workspace.checkpointSteps("first").first)
    let process = try workspace.start(
      "train", "small.json", "--run-dir", "run", "--set", "training.duration=1000000 steps", "--set",
      "checkpoints.every=40 steps")
    try workspace.waitUntil { workspace.exists("run/metrics.jsonl") || !process.isRunning }
    let name = String(format: "step-%08d.h5", kept)
    for ending in ["", ".sha256"] {
      try FileManager.default.copyItem(
        at: workspace.file("first/\(name)\(ending)"), to: workspace.file("run/\(name)\(ending)"))
    }
    try workspace.waitUntil { (try? workspace.checkpointSteps("run").max() ?? 0 > 400) == true || !process.isRunning }
    process.kill(SIGTERM)
    #expect(process.wait().exitCode == 143)
    #expect(workspace.exists("run/\(name)") && workspace.exists("run/\(name).sha256"))
  }

  @Test(arguments: ["sweep.json", "trials.csv", "report.html", "journal.jsonl", "other"])
  func aSweepTakesNoFolderOver(name: String) throws {
    try workspace.write(
      """
      {
        "name": "s", "base": "small.json", "method": "grid", "metric": {"name": "validation.loss"},
        "overrides": {"training.duration": "1 epoch"}, "parameters": {"model.width": {"values": [8]}}
      }
      """, "s.json")
    try workspace.write("mine", "theirs/\(name)")
    let before = try workspace.snapshot()
    for options in [["--sweep-dir", "theirs"], ["--sweep-dir", "."]] {
      let result = try TroupeProcess(["sweep", "s.json"] + options, in: workspace.url).wait()
      expectRefusal(result, code: 2, saying: ["--sweep-dir"])
    }
    #expect(try workspace.snapshot() == before)
  }

  @Test func filesThatCommandsWriteReplaceTheirOwnOnly() throws {
    try workspace.succeed("train", "small.json", "--run-dir", "run")
    try workspace.write(String(repeating: "a text to learn from. ", count: 30), "t.txt")
    let commands = [
      (["report", "run", "--output", "page.html"], "page.html"),
      (["report", "run", "--csv", "tables"], "tables/norms.csv"),
      (["tokenizer", "train", "t.txt", "--vocabulary", "260", "--output", "t.json"], "t.json"),
      (["tokenizer", "train", "t.txt", "--type", "characters", "--output", "c.json"], "c.json"),
      (["report", "run"], "run/report.html"),
    ]
    for (arguments, file) in commands {
      for _ in 1...2 {
        let result = try TroupeProcess(arguments, in: workspace.url).wait()
        #expect(result.exitCode == 0, "\(arguments): \(result.errors)")
      }
      for text in ["mine", "<!DOCTYPE html>\n<title>my page</title>", "{\"version\": \"1.0\"}"] {
        try workspace.write(text, file)
        let result = try TroupeProcess(arguments, in: workspace.url).wait()
        expectRefusal(result, code: 1, saying: [file, "troupe has written"])
        #expect(try workspace.text(file) == text)
      }
    }
  }

  @Test func imagesReplaceImagesOfTheirOwnKind() throws {
    let data = #"data={"type": "glyphs", "count": 40, "batch_size": 8}"#
    let preview = ["dataset", "preview", "small.json", "--set", data, "--output", "seen.png", "--samples", "2"]
    for _ in 1...2 { #expect(try TroupeProcess(preview, in: workspace.url).wait().exitCode == 0) }
    try workspace.write("mine", "seen.png")
    expectRefusal(
      try TroupeProcess(preview, in: workspace.url).wait(), code: 1, saying: ["seen.png", "troupe has written"])
    #expect(try workspace.text("seen.png") == "mine")
  }
}
