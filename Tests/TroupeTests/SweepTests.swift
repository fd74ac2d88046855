import Configuration
import Files
import Foundation
import JSON
import Metrics
import Testing

/// Sweeps from the command line: whole ones, paused trials, accidents, wrong input.
@Suite struct SweepTests {
  let workspace: Workspace
  private static let isLong = ProcessInfo.processInfo.environment["TROUPE_LONG_TESTS"] == "1"

  init() throws { workspace = try .withSmallConfiguration() }

  /// A sweep over two activations and two widths; `more` adds keys.
  private func writeSweep(
    _ more: String = "", name: String = "s", duration: String = "4 epochs", metric: String = "validation.loss"
  ) throws {
    try workspace.write(
      """
      {
        "name": "\(name)", "base": "small.json", "method": "grid",
        "overrides": {"training.duration": "\(duration)", "checkpoints.every": "5 epochs"},
        "metric": {"name": "\(metric)"},
        "parameters": {"model.activation": {"values": ["relu", "tanh"]}, "model.width": {"values": [8, 16]}}\(more)
      }
      """, "\(name).json")
  }

  private func trials(_ json: JSON) -> [String: String] {
    let trials = (json["points"]?.array ?? []).flatMap { $0["trials"]?.array ?? [] }
    return Dictionary(
      trials.map { ($0["trial"]?.string ?? "", $0["parameters_digest"]?.string ?? "none") }, uniquingKeysWith: { $1 })
  }

  /// The number of results in the journal per trial and rung.
  private func results(_ folder: String) throws -> [String: Int] {
    var counts: [String: Int] = [:]
    for line in try workspace.text("\(folder)/journal.jsonl").split(separator: "\n") {
      let json = try JSONParser.parse(String(line), file: "journal")
      guard json["kind"]?.string == "result" else { continue }
      counts[
        "\(json["point"]?.integer ?? -1) \(json["seed"]?.integer ?? -1) \(json["rung"]?.integer ?? -1)", default: 0] +=
        1
    }
    return counts
  }

  @Test func aWholeSweepLeavesItsTableAndItsPage() throws {
    try writeSweep(#", "seeds": 2"#)
    let plan = try workspace.succeed("sweep", "s.json", "--dry-run", "--json").json()
    #expect(plan["trial_count"]?.integer == 8)
    #expect(!workspace.exists("checkpoints"))
    let result = try workspace.succeed("sweep", "s.json", "--jobs", "2", "--json")
    let json = try result.json()
    #expect(json["finished"]?.integer == 8 && json["end"]?.string == "complete", "\(result.errors)")
    let digests = trials(json)
    #expect(digests.count == 8)
    #expect(result.errors.components(separatedBy: " finished after 60 steps").count == 9, "\(result.errors)")
    for name in ["journal.jsonl", "sweep.json", "trials.csv", "report.html", "trials"] {
      #expect(workspace.exists("checkpoints/s/\(name)"))
    }
    #expect(try workspace.text("checkpoints/s/trials.csv").split(separator: "\n").count == 9)
    let page = try workspace.text("checkpoints/s/report.html")
    #expect(page.contains("model.activation") && !page.contains("{{") && !page.contains("http://www.w3.org/1999"))
    // A trial is the run that anybody can make of its configuration, and each has a seed of data of its own.
    for (id, digest) in digests.prefix(2) {
      let again = try workspace.succeed(
        "train", "checkpoints/s/trials/\(id)/trial.json", "--run-dir", "again-\(id)", "--json"
      ).json()
      #expect(again["parameters_digest"]?.string == digest)
    }
    let seeds = try digests.keys.map { id in
      let resolved = try JSONParser.parse(
        try workspace.text("checkpoints/s/trials/\(id)/config.resolved.json"), file: "resolved")
      #expect(resolved["seed"]?.integer == resolved["data"]?["seed"]?.integer)
      return resolved["seed"]?.integer ?? 0
    }
    #expect(seeds.sorted() == [7, 7, 7, 7, 8, 8, 8, 8])
    // The report is made of the folder alone.
    try FileManager.default.removeItem(at: workspace.file("s.json"))
    let report = try workspace.succeed("sweep", "report", "checkpoints/s", "--output", "page.html", "--json").json()
    #expect(trials(report) == digests)
    #expect(try workspace.text("page.html") == page)
  }

  /// The points of a dry run are those that the sweep trains, in the same order.
  @Test(arguments: ["random", "tpe", "grid"]) func aDryRunShowsWhatWillHappen(method: String) throws {
    // One of the activations is written twice in different ways, by way of a type without other settings.
    try workspace.write(
      """
      {
        "name": "d", "base": "small.json", "method": "\(method)", "run_cap": 20, "metric": {"name": "validation.loss"},
        "overrides": {"training.duration": "1 epoch"},
        "parameters": {
          "optimizer.learning_rate": {"values": [0.1, 0.01]}, "model.activation": {"values": ["relu", "tanh"]},
          "schedule": {"values": [{"type": "constant"}, {"type": "constant", "warmup": "0 steps"}]}
        }
      }
      """, "d.json")
    let plan = try workspace.succeed("sweep", "d.json", "--dry-run", "--json").json()
    let real = try workspace.succeed("sweep", "d.json", "--json").json()
    let points = try workspace.text("checkpoints/d/journal.jsonl").split(separator: "\n").compactMap { line in
      let json = try JSONParser.parse(String(line), file: "journal")
      return json["kind"]?.string == "point" ? json["parameters"] : nil
    }
    #expect(plan["points"]?.array == points)
    #expect(plan["point_count"] == real["point_count"] && plan["trial_count"] == real["trial_count"])
  }

  @Test func aTimeCapSaysWhatIsLeftOut() throws {
    try writeSweep(#", "time_cap": "1 second""#, duration: "1000000 steps")
    #expect(try workspace.succeed("sweep", "s.json", "--dry-run").output.contains("time_cap may end the sweep"))
    let result = try workspace.succeed("sweep", "s.json", "--json")
    #expect(result.errors.contains("time cap reached: 1 of these trials are unfinished, and 3 points were not begun"))
    let json = try result.json()
    #expect(json["unfinished_trials"]?.integer == 1 && json["untried_points"]?.integer == 3)
  }

  /// A sweep whose file spells its numbers differently since continues with the same trials.
  @Test func numbersMayBeSpelledDifferently() throws {
    func write(_ rates: String, decay: String) throws {
      try workspace.write(
        """
        {
          "name": "n", "base": "small.json", "method": "random", "run_cap": 3, "metric": {"name": "validation.loss"},
          "overrides": {"training.duration": "1 epoch", "optimizer.weight_decay": \(decay)},
          "parameters": {"optimizer.learning_rate": {"values": [\(rates)]}}
        }
        """, "n.json")
    }
    try write("0.01, 0.010", decay: "0.1")
    try workspace.refuse("sweep", "n.json", saying: ["0.010", "listed twice"])
    try write("0.01, 0.001, 0.00001", decay: "0.1")
    let whole = try workspace.succeed("sweep", "n.json", "--json").json()
    let table = try workspace.text("checkpoints/n/journal.jsonl").split(separator: "\n")
    // As after a kill before the last result.
    let last = try #require(table.lastIndex { $0.contains("\"kind\":\"result\"") })
    try workspace.write(table[..<last].joined(separator: "\n") + "\n", "checkpoints/n/journal.jsonl")
    try write("1e-2, 1.0e-3, 1e-05", decay: "1e-1")
    let again = try workspace.succeed("sweep", "n.json", "--resume", "--json").json()
    #expect(again["point_count"]?.integer == 3)
    #expect(trials(again) == trials(whole))
  }

  @Test func aPausedRunContinuesToTheSameBits() throws {
    let whole = try workspace.succeed("train", "small.json", "--json", "--run-dir", "whole").json()
    for stop in ["1 epoch", "37 steps", "60 steps"] {
      let paused = try workspace.troupe(
        "train", "small.json", "--json", "--run-dir", "parts", "--stop-after", stop, "--fresh")
      #expect(paused.exitCode == (stop == "60 steps" ? 0 : 75), "\(paused.errors)")
      let resumed = try workspace.succeed("train", "small.json", "--json", "--run-dir", "parts", "--resume").json()
      #expect(resumed["parameters_digest"] == whole["parameters_digest"], "after \(stop)")
      #expect(resumed["validation"] == whole["validation"], "after \(stop)")
    }
    try workspace.refuse("train", "small.json", "--stop-after", "often", saying: ["--stop-after", "2 epochs"])
  }

  @Test func promotedTrialsEqualUninterruptedOnes() throws {
    try writeSweep(#", "early_terminate": {"type": "asha", "first": "1 epoch", "eta": 2}"#)
    let json = try workspace.succeed("sweep", "s.json", "--json").json()
    let points = try #require(json["points"]?.array)
    let steps = points.compactMap { $0["trials"]?.array?.first?["step"]?.integer }
    // Four to one epoch of 15 steps, two to two, one to the end.
    #expect(steps == [60, 30, 15, 15], "\(steps)")
    let best = try #require(points.first?["trials"]?.array?.first)
    let id = try #require(best["trial"]?.string)
    let whole = try workspace.succeed(
      "train", "checkpoints/s/trials/\(id)/trial.json", "--run-dir", "whole", "--json"
    ).json()
    #expect(best["parameters_digest"] == whole["parameters_digest"])
    #expect(best["metrics"]?["validation.loss"] == whole["validation"]?["loss"])
  }

  @Test func stoppedAndKilledSweepsComeToTheSame() throws {
    try writeSweep(#", "seeds": 2"#, duration: Self.isLong ? "1000 epochs" : "60 epochs")
    let reference = trials(try workspace.succeed("sweep", "s.json", "--sweep-dir", "reference", "--json").json())
    #expect(reference.count == 8)
    var random = SplitMix(state: 3)
    var isFirst = true
    var killed = 0
    // Ten of the twelve are killed, two are asked to stop.
    for interruption in 0..<(Self.isLong ? 12 : 4) {
      let isKilled = interruption % 7 != 3
      let resume = isFirst ? [] : ["--resume"]
      let process = try TroupeProcess(
        ["sweep", "s.json", "--sweep-dir", "killed", "--jobs", "2"] + resume, in: workspace.url)
      usleep(UInt32(100_000 + random.next() % 900_000))
      process.kill(isKilled ? SIGKILL : SIGTERM)
      let result = process.wait()
      if result.diedOfSignal { killed += 1 }
      if !isKilled, result.exitCode != 0 { #expect(result.exitCode == 143, "\(result.errors)") }
      isFirst = !workspace.exists("killed/journal.jsonl")
      if !isFirst, result.exitCode == 0 { break }
    }
    if Self.isLong { #expect(killed == 10) }
    let last = try TroupeProcess(
      ["sweep", "s.json", "--sweep-dir", "killed", "--json"] + (isFirst ? [] : ["--resume"]), in: workspace.url
    ).wait()
    #expect(last.exitCode == 0, "\(last.errors)")
    #expect(trials(try last.json()) == reference)
    let counts = try results("killed")
    #expect(counts.count == 8 && counts.values.allSatisfy { $0 == 1 }, "\(counts)")
    #expect(try workspace.names("killed/trials").count == 8)
  }

  @Test func severalProcessesShareAJournal() throws {
    try writeSweep(#", "seeds": 3"#, duration: "20 epochs")
    let first = try workspace.start("sweep", "s.json", "--json")
    try workspace.waitUntil { workspace.exists("checkpoints/s/journal.jsonl") }
    try workspace.waitUntil { try workspace.text("checkpoints/s/journal.jsonl").contains("claim") }
    let second = try workspace.start("sweep", "s.json", "--resume", "--json")
    let (a, b) = (first.wait(), second.wait())
    #expect(a.exitCode == 0 && b.exitCode == 0, "\(a.errors)\(b.errors)")
    let counts = try results("checkpoints/s")
    #expect(counts.count == 12 && counts.values.allSatisfy { $0 == 1 }, "\(counts)")
    #expect(trials(try a.json()) == trials(try b.json()))
    #expect(try workspace.text("checkpoints/s/journal.jsonl").components(separatedBy: #""kind":"worker""#).count == 3)
  }

  @Test func aTrialThatDivergesEndsAlone() throws {
    try workspace.write(
      """
      {
        "name": "d", "base": "small.json", "method": "grid", "metric": {"name": "validation.loss"},
        "overrides": {"clipping": {"type": "none"}, "model.normalization": "none", "optimizer": {"type": "sgd"}},
        "parameters": {"optimizer.learning_rate": {"values": [0.01, 1000000]}}
      }
      """, "d.json")
    let result = try workspace.troupe("sweep", "d.json", "--json")
    expectRefusal(result, code: 4, saying: ["1 trial has failed", "not finite", "learning_rate=1000000"])
    let json = try result.json()
    #expect(json["finished"]?.integer == 1 && json["failed"]?.integer == 1)
    #expect(json["points"]?.array?.last?["trials"]?.array?.first?["attempts_failed"]?.integer == 1)
  }

  /// The process of a trial of a sweep in this workspace, as soon as there is one.
  private func runningTrial() throws -> pid_t {
    var found: pid_t?
    try workspace.waitUntil {
      found = try FileManager.default.contentsOfDirectory(atPath: "/proc").lazy.compactMap { pid_t($0) }.first { pid in
        let line = (try? String(contentsOfFile: "/proc/\(pid)/cmdline", encoding: .utf8)) ?? ""
        return line.contains(workspace.url.path) && line.contains("--stop-at-end-of-input")
      }
      return found != nil
    }
    return try #require(found)
  }

  @Test func aSignalToASweepAndItsTrialTogetherLosesNothing() throws {
    try writeSweep(duration: "400 epochs")
    let reference = trials(try workspace.succeed("sweep", "s.json", "--sweep-dir", "reference", "--json").json())
    let process = try workspace.start("sweep", "s.json", "--json", "--jobs", "1")
    _ = kill(try runningTrial(), SIGTERM)
    process.kill(SIGTERM)
    let stopped = process.wait()
    #expect(stopped.exitCode == 143, "\(stopped.errors)")
    #expect(try results("checkpoints/s").values.allSatisfy { $0 == 1 })
    let resumed = try workspace.succeed("sweep", "s.json", "--resume", "--json")
    #expect(trials(try resumed.json()) == reference)
    #expect(!resumed.errors.contains("tried again"), "\(resumed.errors)")
  }

  @Test func aTrialWaitsForTheHolderOfItsFolder() throws {
    try writeSweep()
    let reference = trials(try workspace.succeed("sweep", "s.json", "--sweep-dir", "reference", "--json").json())
    let id = try #require(reference.keys.first)
    let folder = workspace.file("checkpoints/s/trials/\(id)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    var lock: FileLock? = try FileLock(folder.appending(path: RunFiles.lock))
    let process = try workspace.start("sweep", "s.json", "--json")
    try workspace.waitUntil { process.errorsSoFar.contains("trial \(id): waits for the process that still holds") }
    withExtendedLifetime(lock) {}
    lock = nil
    let result = process.wait()
    #expect(result.exitCode == 0, "\(result.errors)")
    #expect(trials(try result.json()) == reference)
  }

  @Test func aKilledTrialIsTriedAgain() throws {
    try writeSweep(duration: "400 epochs")
    let process = try workspace.start("sweep", "s.json", "--json")
    _ = kill(try runningTrial(), SIGKILL)
    let result = process.wait()
    #expect(result.exitCode == 0, "\(result.errors)")
    #expect(
      result.errors.contains("killed, tried again after") && result.errors.contains("signal 9"), "\(result.errors)")
    #expect(try result.json()["finished"]?.integer == 4)
  }

  @Test func aMissingRunFolderCostsOnlyTime() throws {
    try writeSweep(#", "early_terminate": {"type": "asha", "first": "1 epoch", "eta": 2}"#)
    let reference = trials(try workspace.succeed("sweep", "s.json", "--sweep-dir", "reference", "--json").json())
    // A cap ends the first session before anything is promoted to the end.
    let json = try workspace.succeed("sweep", "s.json", "--json").json()
    #expect(trials(json) == reference)
    try FileManager.default.removeItem(at: workspace.file("checkpoints/s/trials"))
    let report = try workspace.succeed("sweep", "report", "checkpoints/s", "--json").json()
    #expect(trials(report) == reference)
    // A paused trial whose folder has gone is trained again from its first step when it is promoted.
    let journal = try workspace.text("checkpoints/s/journal.jsonl").split(separator: "\n")
    let cut = try #require(journal.firstIndex { $0.contains(#""kind":"claim""#) && $0.contains(#""rung":1"#) })
    try workspace.write(journal[..<cut].joined(separator: "\n") + "\n", "checkpoints/s/journal.jsonl")
    let again = try workspace.succeed("sweep", "s.json", "--resume", "--json")
    #expect(again.errors.contains("its run folder is missing"), "\(again.errors)")
    #expect(trials(try again.json()) == reference)
  }

  // MARK: Wrong input

  @Test func wrongSweepsAreRefusedInOneLineAndLeaveNothing() throws {
    let base = #""name": "w", "base": "small.json", "method": "grid", "metric": {"name": "validation.loss"}"#
    let wrong: [(text: String, words: [String])] = [
      (#"{\#(base), "parameters": {"model.widht": {"values": [8]}}}"#, ["model.widht", "did you mean \"width\""]),
      (
        #"{"name": "w", "base": "small.json", "method": "random", "metric": {"name": "loss"}, "run_cap": 3, "parameters": {"optimizer.learning_rate": {"distribution": "uniform", "min": 1, "max": 0.1}}}"#,
        ["optimizer.learning_rate", "the range is empty"]
      ),
      (#"{\#(base), "parameters": {"model.width": {"values": []}}}"#, ["model.width", "at least 1"]),
      (#"{\#(base), "parameters": {}}"#, ["parameters", "nothing to vary"]),
      (
        #"{\#(base), "parameters": {"model.width": {"values": [8]}}, "sedes": 2}"#, ["sedes", "did you mean \"seeds\""]
      ),
      (
        #"{"name": "w", "base": "small.json", "method": "grid", "metric": {"name": "validation.acuracy"}, "parameters": {"model.width": {"values": [8]}}}"#,
        ["metric.name", "validation.accuracy"]
      ),
      (
        #"{"name": "w", "base": "none.json", "method": "grid", "metric": {"name": "loss"}, "parameters": {"model.width": {"values": [8]}}}"#,
        ["none.json", "no such configuration file"]
      ),
      (
        #"{"name": "w", "base": "small.json", "method": "random", "metric": {"name": "loss"}, "parameters": {"optimizer.learning_rate": {"distribution": "uniform", "min": 0.1, "max": 1}}}"#,
        ["run_cap"]
      ),
      (#"{\#(base), "parameters": {"model.width": {"values": [8]}}, "time_cap": "an hour"}"#, ["time_cap", "2 hours"]),
    ]
    for (text, words) in wrong {
      try workspace.write(text, "w.json")
      try workspace.refuse("sweep", "w.json", saying: words)
      #expect(!workspace.exists("checkpoints"), "\(text)")
    }
    try workspace.refuse("sweep", "absent.json", saying: ["absent.json"])
    try workspace.refuse("sweep", "report", "absent", saying: ["absent", "folder of a sweep"])
    try writeSweep()
    try workspace.refuse("sweep", "s.json", "--resume", saying: ["checkpoints/s", "no sweep here"])
    try workspace.refuse("sweep", "s.json", "--jobs", "0", saying: ["--jobs 0"])
    #expect(!workspace.exists("checkpoints"))
  }

  @Test func anotherDefinitionOnAJournalIsRefused() throws {
    try writeSweep()
    try workspace.succeed("sweep", "s.json")
    let before = try workspace.snapshot("checkpoints/s")
    try workspace.refuse("sweep", "s.json", saying: ["checkpoints/s", "--resume", "--sweep-dir"])
    try writeSweep(#", "seeds": 2"#)
    try workspace.refuse("sweep", "s.json", "--resume", saying: ["another definition", "seeds"])
    try writeSweep(duration: "5 epochs")
    try workspace.refuse("sweep", "s.json", "--resume", saying: ["another definition", "base.training.duration"])
    try writeSweep(metric: "validation.accuracy")
    try workspace.refuse("sweep", "s.json", "--resume", saying: ["another definition", "metric"])
    #expect(
      try workspace.snapshot("checkpoints/s").filter { !$0.key.contains("workers/") }
        == before.filter { !$0.key.contains("workers/") })
    // Limits may change.
    try writeSweep(#", "retries": 3, "time_cap": "1 hour""#)
    #expect(try workspace.succeed("sweep", "s.json", "--resume", "--json").json()["finished"]?.integer == 4)
  }

  @Test func aMissingMetricIsReportedAfterTheFirstTrial() throws {
    try writeSweep(metric: "validation.perplexity")
    let result = try workspace.troupe("sweep", "s.json")
    expectRefusal(result, code: 2, saying: ["metric.name", "validation.perplexity", "validation.accuracy", "kept"])
    #expect(try workspace.names("checkpoints/s/trials").count == 1)
  }
}
