import Configuration
import Foundation
import JSON
import Testing

/// Training from the command line: options, printed lines, and the run folder.
@Suite struct TrainTests {
  let workspace: Workspace

  init() throws { workspace = try .withSmallConfiguration() }

  @Test func leavesAWholeRunFolder() throws {
    let result = try workspace.succeed("train", "small.json")
    #expect(result.errors.isEmpty)
    #expect(result.output.contains("gradient flow: "))
    #expect(result.output.contains("step 60: validation loss "))
    let names = try workspace.names("checkpoints/small")
    for name in ["config.json", "config.resolved.json", "metrics.jsonl", "report.html", "step-00000060.h5"] {
      #expect(names.contains(name), "\(names)")
    }
    #expect(names.contains { $0.hasPrefix("events.out.tfevents.") })
    #expect(!names.contains { $0.hasSuffix(".tmp") })
    #expect(try workspace.recordedSteps("checkpoints/small") == Array(1...60))
    // keep_last 2 and keep_best 1 are disjoint: three at most, the newest among them.
    let steps = try workspace.checkpointSteps("checkpoints/small")
    #expect(steps.count <= 3 && steps.last == 60, "\(steps)")
    // As given, and with every default written out.
    let given = try JSONParser.parse(try workspace.text("checkpoints/small/config.json"), file: "config.json")
    #expect(given == (try JSONParser.parse(smallConfiguration, file: "small.json")))
    let resolved = try workspace.text("checkpoints/small/config.resolved.json")
    #expect(resolved.contains("\"keep_last\": 2"))
  }

  @Test func printsItsResultAsOneJSONLine() throws {
    let result = try workspace.succeed("train", "small.json", "--json", "--run-dir", "elsewhere/run")
    #expect(result.outputLines.count == 1)
    #expect(result.errors.contains("gradient flow: "))
    let json = try result.json()
    #expect(json["run"]?.string == "elsewhere/run")
    #expect(json["step"]?.integer == 60)
    #expect(json["loss"]?.double.map { $0 > 0 && $0 < 5 } == true)
    #expect(json["validation"]?["loss"]?.double != nil)
    #expect(json["validation"]?["accuracy"]?.double != nil)
    #expect(json["validation"]?["count"]?.integer == 60)
    #expect(json["parameters_digest"]?.string?.count == 64)
    #expect(json["checkpoints"]?["count"]?.integer == 4)
    #expect(json["checkpoints"]?["stall_ms"]?.double.map { $0 > 0 } == true)
    #expect(json["checkpoints"]?["stall_share"]?.double.map { $0 > 0 && $0 < 1 } == true)
    #expect(try workspace.text("elsewhere/run/metrics.jsonl").contains(", lanes held for "))
    #expect(workspace.exists("elsewhere/run/step-00000060.h5"))
    #expect(!workspace.exists("checkpoints"))
  }

  @Test func lanesChangeNoBit() throws {
    let digests = try ["1", "2", "3"].map { lanes in
      let result = try workspace.succeed(
        "train", "small.json", "--lanes", lanes, "--json", "--run-dir", "lanes\(lanes)")
      return try result.json()["parameters_digest"]?.string
    }
    #expect(digests[0] != nil && Set(digests).count == 1, "\(digests)")
  }

  @Test func aRunIsReplacedOnlyOnRequest() throws {
    try workspace.succeed("train", "small.json")
    let before = try workspace.snapshot("checkpoints/small")
    try workspace.refuse("train", "small.json", saying: ["checkpoints/small", "--resume", "--fresh"])
    #expect(try workspace.snapshot("checkpoints/small") == before)
    let fresh = try workspace.succeed("train", "small.json", "--fresh", "--set", "seed=8")
    #expect(fresh.output.contains("small.old-1"))
    #expect(try workspace.snapshot("checkpoints/small.old-1") == before)
    #expect(try workspace.text("checkpoints/small/config.resolved.json").contains("\"seed\": 8"))
  }

  @Test func aResumedRunContinuesAndAFinishedOneStaysAsItIs() throws {
    let whole = try workspace.succeed("train", "small.json", "--json", "--run-dir", "whole").json()
    // Constant rates, because a schedule's horizon is the duration.
    let short = ["--set", "training.duration=\"2 epochs\"", "--set", "schedule={\"type\":\"constant\"}"]
    let long = ["--set", "training.duration=\"4 epochs\"", "--set", "schedule={\"type\":\"constant\"}"]
    let reference = try TroupeProcess(
      ["train", "small.json", "--json", "--run-dir", "a"] + long, in: workspace.url
    ).wait()
    #expect(
      try TroupeProcess(["train", "small.json", "--run-dir", "b"] + short, in: workspace.url).wait().exitCode == 0)
    let resumed = try TroupeProcess(
      ["train", "small.json", "--json", "--resume", "--lanes", "1", "--run-dir", "b"] + long, in: workspace.url
    ).wait()
    #expect(resumed.exitCode == 0, "\(resumed.errors)")
    #expect(resumed.errors.contains("training.duration"))
    #expect(try resumed.json()["parameters_digest"] == reference.json()["parameters_digest"])
    #expect(try workspace.recordedSteps("b") == Array(1...60))

    let again = try workspace.succeed("train", "small.json", "--json", "--resume", "--run-dir", "whole")
    #expect(again.errors.contains("finished"))
    let json = try again.json()
    #expect(json["parameters_digest"] == whole["parameters_digest"])
    #expect(json["step"]?.integer == 60)
    #expect(json["validation"]?["count"]?.integer == 60)
    #expect(try workspace.text("whole/metrics.jsonl").components(separatedBy: "\"kind\":\"validation\"").count == 5)
  }

  @Test func aResumedRunKeepsItsSettings() throws {
    try workspace.succeed("train", "small.json")
    let before = try workspace.snapshot("checkpoints/small")
    try workspace.refuse(
      "train", "small.json", "--resume", "--set", "model.width=32", saying: ["model.width", "32", "16", "--fresh"])
    try workspace.refuse("train", "small.json", "--resume", "--set", "seed=8", saying: ["seed", "8", "7"])
    #expect(try workspace.snapshot("checkpoints/small") == before)
  }

  @Test func numbersMayBeSpelledDifferently() throws {
    let spelled = { (rate: String, warmup: String) in
      ["--set", "optimizer.learning_rate=\(rate)", "--set", "schedule.warmup=\(warmup)", "--run-dir", "run"]
    }
    let whole = try TroupeProcess(
      ["train", "small.json", "--json", "--run-dir", "whole"] + spelled("0.00001", "1 epochs").dropLast(2),
      in: workspace.url
    ).wait().json()
    let first = try TroupeProcess(
      ["train", "small.json", "--stop-after", "1 epoch"] + spelled("0.00001", "1 epochs"), in: workspace.url
    ).wait()
    #expect(first.exitCode == 75, "\(first.errors)")
    let resumed = try TroupeProcess(
      ["train", "small.json", "--json", "--resume"] + spelled("1e-05", "1 epoch"), in: workspace.url
    ).wait()
    #expect(resumed.exitCode == 0, "\(resumed.errors)")
    #expect(try resumed.json()["parameters_digest"] == whole["parameters_digest"])
    let other = try TroupeProcess(
      ["train", "small.json", "--resume"] + spelled("1.1e-05", "1 epoch"), in: workspace.url
    ).wait()
    expectRefusal(other, code: 2, saying: ["optimizer.learning_rate"])
    let listed = try workspace.succeed("runs", ".", "--filter", "learning_rate=0.000010", "--json").json()
    #expect(listed["runs"]?.array?.count == 2)
  }

  @Test func resumingNothingIsRefused() throws {
    try workspace.refuse("train", "small.json", "--resume", saying: ["checkpoints/small", "no run here"])
    #expect(!workspace.exists("checkpoints"))
    try workspace.refuse("train", "small.json", "--resume", "--fresh", saying: ["--resume and --fresh"])
  }

  @Test func overridesReachTheRun() throws {
    let result = try workspace.succeed(
      "train", "small.json", "--set", "optimizer.learning_rate=3e-4", "--set", "training.duration=5 steps", "--set",
      "schedule.warmup=1 steps", "--set", "model.activation=tanh", "--json")
    #expect(try result.json()["step"]?.integer == 5)
    let resolved = try JSONParser.parse(try workspace.text("checkpoints/small/config.resolved.json"), file: "resolved")
    #expect(resolved["optimizer"]?["learning_rate"]?.double == 3e-4)
    #expect(resolved["model"]?["activation"]?.string == "tanh")
    #expect(try workspace.text("small.json") == smallConfiguration)
  }

  @Test(arguments: ["h5", "safetensors"]) func startsFromParameters(format: String) throws {
    let first = try workspace.succeed("train", "small.json", "--json").json()
    var file = "checkpoints/small/step-00000060.h5"
    if format == "safetensors" {
      file = "small.safetensors"
      try workspace.succeed("export", "checkpoints/small", "--output", file)
    }
    // A run of no steps shows exactly its first parameters.
    let tuned = try workspace.succeed(
      "train", "small.json", "--json", "--init-from", file, "--run-dir", "tuned", "--set", "training.duration=0 steps")
    #expect(try tuned.json()["parameters_digest"] == first["parameters_digest"])
    #expect(tuned.errors.contains(file))
  }

  @Test func parametersOfAnotherModelLeaveNothingBehind() throws {
    try workspace.succeed("train", "small.json")
    try workspace.succeed("export", "checkpoints/small", "--output", "small.safetensors")
    for file in ["checkpoints/small/step-00000060.h5", "small.safetensors"] {
      try workspace.refuse(
        "train", "small.json", "--init-from", file, "--run-dir", "tuned", "--set", "model.width=8",
        saying: ["hidden.0.weight", "[16, 2]", "[8, 2]"])
      #expect(!workspace.exists("tuned"))
    }
    try workspace.refuse("train", "small.json", "--run-dir", "t", "--init-from", "none.h5", saying: ["none.h5"])
    try workspace.refuse(
      "train", "small.json", "--run-dir", "t", "--init-from", "small.json",
      saying: ["small.json", ".h5", "safetensors"])
    // An older run is moved aside only when the new one can start.
    let before = try workspace.snapshot("checkpoints")
    try workspace.refuse("train", "small.json", "--fresh", "--init-from", "none.h5", saying: ["none.h5"])
    #expect(try workspace.snapshot("checkpoints") == before)
  }

  @Test func aRunThatDivergesNamesTheLayer() throws {
    let result = try workspace.troupe(
      "train", "small.json", "--json", "--set", "clipping.type=none", "--set", "optimizer.type=sgd", "--set",
      "optimizer.learning_rate=1000000", "--set", "model.normalization=none")
    expectRefusal(result, code: 3, saying: ["step ", "not finite"])
    #expect(try result.json()["gradient_flow"] != nil)
  }

  @Test func twoProcessesCannotTrainOneRun() throws {
    let first = try workspace.start("train", "small.json", "--set", "training.duration=1000000 steps")
    defer { first.kill(SIGKILL) }
    try workspace.waitUntil { workspace.exists("checkpoints/small/metrics.jsonl") }
    try workspace.refuse(
      "train", "small.json", "--resume", "--set", "training.duration=1000000 steps", code: 1,
      saying: ["another process"])
  }
}
