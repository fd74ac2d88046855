import Configuration
import Files
import Foundation
import JSON
import Testing

/// Runs that are killed or stopped, again and again: nothing is lost, and the end is the same to the bit.
@Suite struct CrashTests {
  let workspace: Workspace
  private static let steps = 3000

  /// Everything that has state: running statistics, dropout, a moving average, momentum, a schedule that waits for a
  /// plateau, and batches in another order every epoch.
  private static let configuration = """
    {
      "name": "crash",
      "data": {"type": "spirals", "points_per_class": 200, "batch_size": 24, "validation_fraction": 0.1},
      "model": {"type": "mlp", "depth": 3, "width": 16, "activation": "silu", "normalization": "batch", "dropout": 0.2},
      "optimizer": {"type": "adamw", "learning_rate": 0.01},
      "schedule": {"type": "reduce_on_plateau", "patience": 3, "factor": 0.5},
      "training": {
        "duration": "\(steps) steps", "micro_batches": 3, "validate_every": "70 steps", "ema": {"decay": 0.99}
      },
      "norms": {"every": "10 steps"},
      "checkpoints": {"every": "50 steps", "keep_best": 2}
    }
    """

  init() throws {
    workspace = try Workspace()
    try workspace.write(Self.configuration, "crash.json")
  }

  private func digest(_ json: JSON) -> String? { json["parameters_digest"]?.string }

  /// Kills that the default run makes, and those of a long one.
  private static let kills = ProcessInfo.processInfo.environment["TROUPE_LONG_TESTS"] == "1" ? 1000 : 25

  @Test func killedAtRandomMoments() throws {
    let reference = try workspace.succeed("train", "crash.json", "--json", "--run-dir", "reference")
    let expected = try digest(reference.json())
    let best = try #require(try workspace.lastState("reference")["best"])
    let longest = Int(1e6 * min(max(reference.seconds / 4, 0.1), 2))
    var random = SplitMix(state: 1)
    var killed = 0
    var run = 0
    while killed < Self.kills {
      run += 1
      let folder = "run\(run)"
      var result: TroupeResult
      repeat {
        let mode = workspace.exists("\(folder)/config.resolved.json") ? ["--resume"] : []
        let lanes = String(Int.random(in: 1...3, using: &random))
        let process = try TroupeProcess(
          ["train", "crash.json", "--json", "--run-dir", folder, "--lanes", lanes] + mode, in: workspace.url)
        // Once enough are killed the last run may come to its end.
        if killed < Self.kills {
          usleep(UInt32(Int.random(in: 2000...longest, using: &random)))
          process.kill(SIGKILL)
        }
        result = process.wait()
        if result.diedOfSignal { killed += 1 }
      } while result.diedOfSignal
      #expect(result.exitCode == 0, "\(result.errors)")
      #expect(try digest(result.json()) == expected, "run \(run) after \(killed) kills")
      #expect(try workspace.recordedSteps(folder) == Array(1...Self.steps), "run \(run)")
      #expect(try workspace.lastState(folder)["best"] == best)
      try workspace.succeed("verify", folder)
      try FileManager.default.removeItem(at: workspace.file(folder))
    }
  }

  @Test(arguments: [SIGINT, SIGTERM]) func aSignalSavesAndStops(signal: Int32) throws {
    let expected = try digest(workspace.succeed("train", "crash.json", "--json", "--run-dir", "reference").json())
    var random = SplitMix(state: UInt64(signal))
    var stops: [Int] = []
    var result: TroupeResult
    repeat {
      let mode = stops.isEmpty ? [] : ["--resume"]
      let process = try TroupeProcess(["train", "crash.json", "--json", "--run-dir", "run"] + mode, in: workspace.url)
      try workspace.waitUntil { process.errorsSoFar.contains("steps of") || !process.isRunning }
      if stops.count < 5 {
        usleep(UInt32.random(in: 0...100_000, using: &random))
        process.kill(signal)
      }
      result = process.wait()
      guard result.exitCode != 0 else { break }
      #expect(result.exitCode == 128 + signal && !result.diedOfSignal, "\(result.errors)")
      #expect(result.errors.contains("continue with --resume"))
      let step = try #require(try result.json()["step"]?.integer)
      // Saved at the very step at which it stopped.
      #expect(try workspace.checkpointSteps("run").last == step)
      #expect(try workspace.recordedSteps("run") == Array(1..<step + 1))
      stops.append(step)
    } while stops.count < 20
    #expect(result.exitCode == 0 && !stops.isEmpty, "\(result.errors)")
    #expect(stops == stops.sorted())
    #expect(try digest(result.json()) == expected, "stopped after \(stops)")
    #expect(try workspace.recordedSteps("run") == Array(1...Self.steps))
  }

  @Test func aSecondSignalStopsAtOnce() throws {
    // Steps of a second or more, so that the second signal comes within one.
    try workspace.write(
      """
      {
        "name": "slow",
        "data": {"type": "noise", "shape": [256], "count": 8192, "batch_size": 8192, "validation_fraction": 0},
        "model": {"type": "mlp", "depth": 10, "width": 1024, "activation": "relu"},
        "training": {"duration": "1000 steps", "micro_batches": 2}
      }
      """, "slow.json")
    let process = try workspace.start("train", "slow.json", "--json")
    try workspace.waitUntil { process.errorsSoFar.contains("steps of") }
    process.kill(SIGINT)
    try workspace.waitUntil { process.errorsSoFar.contains("again stops at once") }
    process.kill(SIGINT)
    let sent = ContinuousClock.now
    let result = process.wait()
    #expect(result.exitCode == 130 && !result.diedOfSignal, "\(result.errors)")
    #expect(ContinuousClock.now - sent < .seconds(2))
    #expect(try workspace.checkpointSteps("checkpoints/slow").isEmpty)
  }

  /// Whether a file in a run folder is a checkpoint that is being written.
  private func isUnfinished(_ name: String) -> Bool { ReplacementFile.targetName(of: name)?.hasSuffix(".h5") == true }

  @Test func killedWhileACheckpointIsWritten() throws {
    // Tens of megabytes, which take the writer long enough to be interrupted.
    try workspace.write(
      """
      {
        "name": "large",
        "data": {"type": "noise", "shape": [64], "count": 64, "batch_size": 4, "validation_fraction": 0},
        "model": {"type": "mlp", "depth": 4, "width": 1200, "activation": "relu"},
        "training": {"duration": "12 steps", "micro_batches": 2},
        "checkpoints": {"every": "1 step"}
      }
      """, "large.json")
    let expected = try digest(workspace.succeed("train", "large.json", "--json", "--run-dir", "reference").json())
    let process = try workspace.start("train", "large.json", "--run-dir", "run")
    try workspace.waitUntil {
      guard workspace.exists("run") else { return false }
      let names = try workspace.names("run")
      return names.contains { $0.hasSuffix(".h5") } && names.contains(where: isUnfinished) || !process.isRunning
    }
    process.kill(SIGKILL)
    #expect(process.wait().diedOfSignal)
    #expect(try workspace.names("run").contains(where: isUnfinished))
    try workspace.succeed("verify", "run")
    let resumed = try workspace.succeed("train", "large.json", "--json", "--resume", "--run-dir", "run")
    #expect(try digest(resumed.json()) == expected)
    #expect(try !workspace.names("run").contains { $0.hasSuffix(".tmp") })
  }

  @Test func aRunKilledBeforeItsFirstCheckpointStartsAgain() throws {
    try workspace.succeed(
      "train", "crash.json", "--run-dir", "other", "--set", "seed=9", "--set", "training.duration=50 steps")
    let arguments = [
      "train", "crash.json", "--json", "--set", "training.duration=200 steps", "--set", "checkpoints.keep_best=1",
    ]
    let start = ["--init-from", "other/step-00000050.h5", "--run-dir"]
    let expected = try digest(TroupeProcess(arguments + start + ["whole"], in: workspace.url).wait().json())
    // The folder of a process that is killed in its first steps.
    #expect(try TroupeProcess(arguments + start + ["run"], in: workspace.url).wait().exitCode == 0)
    for name in try workspace.names("run") where name.hasPrefix("step-") {
      try FileManager.default.removeItem(at: workspace.file("run/\(name)"))
    }
    let resumed = try TroupeProcess(arguments + ["--resume", "--run-dir", "run"], in: workspace.url).wait()
    #expect(resumed.exitCode == 0 && resumed.errors.contains("starts again at its first step"), "\(resumed.errors)")
    #expect(try digest(resumed.json()) == expected)
    #expect(try workspace.recordedSteps("run") == Array(1...200))
  }
}
