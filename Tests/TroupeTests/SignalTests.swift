import Foundation
import JSON
import Testing

/// Signals that ask a run or a sweep to end: it saves, unless it was started to ignore them.
@Suite struct SignalTests {
  let workspace: Workspace

  init() throws { workspace = try .withSmallConfiguration() }

  private static let endless = ["--set", "training.duration=1000000 steps", "--set", "norms.every=1000 steps"]

  private func train(wrapper: String? = nil) throws -> TroupeProcess {
    let process = try TroupeProcess(
      ["train", "small.json", "--json", "--run-dir", "run"] + Self.endless, wrapper: wrapper, in: workspace.url)
    try workspace.waitUntil { workspace.exists("run/metrics.jsonl") || !process.isRunning }
    return process
  }

  @Test(arguments: [SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU, SIGXFSZ]) func everySignalSaves(number: Int32)
    throws
  {
    let process = try train()
    // Those that come more than once by themselves do not cut the saving short.
    let isRepeated = ![SIGINT, SIGTERM].contains(number)
    for _ in 0..<(isRepeated ? 20 : 1) { process.kill(number) }
    let result = process.wait()
    #expect(result.exitCode == 128 + number && !result.diedOfSignal, "\(result.errors)")
    #expect(result.errors.contains("continue with --resume"))
    #expect(try workspace.checkpointSteps("run").last == result.json()["step"]?.integer)
  }

  @Test(arguments: [SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGXCPU, SIGXFSZ]) func anIgnoredSignalStaysIgnored(
    number: Int32
  ) throws {
    let process = try train(wrapper: "trap '' \(number); exec \"$@\"")
    for _ in 1...3 { process.kill(number) }
    usleep(300_000)
    #expect(process.isRunning && !process.errorsSoFar.contains("stopping"))
    process.kill(number == SIGTERM ? SIGINT : SIGTERM)
    #expect(process.wait().exitCode == 128 + (number == SIGTERM ? SIGINT : SIGTERM))
  }

  /// A shell without job control ignores INT for what it starts in the background, where only a script can send it.
  @Test func aBackgroundJobOfAScriptStopsOnINT() throws {
    let script = """
      "$@" & job=$!; while [ ! -e run/metrics.jsonl ]; do sleep 0.05; done; kill -INT $job; wait $job
      """
    let result = try TroupeProcess(
      ["train", "small.json", "--run-dir", "run"] + Self.endless, wrapper: script, in: workspace.url
    ).wait()
    #expect(result.exitCode == 130, "\(result.errors)")
    #expect(try !workspace.checkpointSteps("run").isEmpty)
  }

  @Test func aLimitOnTimeSaves() throws {
    let process = try train(wrapper: "ulimit -S -t 2; exec \"$@\"")
    let result = process.wait()
    #expect(result.exitCode == 128 + SIGXCPU && !result.diedOfSignal, "\(result.errors)")
    #expect(try workspace.checkpointSteps("run").last == result.json()["step"]?.integer)
  }

  @Test(arguments: [SIGHUP, SIGUSR1]) func aSweepSavesItsTrials(number: Int32) throws {
    try workspace.write(
      """
      {
        "name": "s", "base": "small.json", "method": "grid", "metric": {"name": "validation.loss"},
        "overrides": {"training.duration": "1000000 steps", "norms.every": "1000 steps"},
        "parameters": {"model.activation": {"values": ["relu", "tanh"]}}
      }
      """, "s.json")
    let process = try workspace.start("sweep", "s.json")
    func trials() throws -> [String] {
      workspace.exists("checkpoints/s/trials") ? try workspace.names("checkpoints/s/trials") : []
    }
    try workspace.waitUntil {
      try trials().contains { workspace.exists("checkpoints/s/trials/\($0)/metrics.jsonl") } || !process.isRunning
    }
    process.kill(number)
    let result = process.wait()
    #expect(result.exitCode == 128 + number && result.errors.contains("continue with --resume"), "\(result.errors)")
    let trial = try #require(try trials().first)
    #expect(try workspace.checkpointSteps("checkpoints/s/trials/\(trial)").count == 1)
  }
}
