import Foundation
import JSON
import Testing

/// `troupe runs`, and the differences of settings in reports of several runs.
@Suite struct RunsTests {
  let workspace: Workspace

  init() throws { workspace = try .withSmallConfiguration() }

  @Test func runsAreListedWithStateBestAndDifferences() throws {
    try workspace.succeed("train", "small.json", "--run-dir", "runs/plain")
    let deeper = ["--set", "model.depth=4", "--set", "name=deeper", "--run-dir", "runs/more/deeper"]
    #expect(try TroupeProcess(["train", "small.json"] + deeper, in: workspace.url).wait().exitCode == 0)
    let wild = ["model.normalization=none", "clipping.type=none", "optimizer.type=sgd", "optimizer.learning_rate=1e6"]
    let diverging = ["train", "small.json", "--run-dir", "runs/wild"] + wild.flatMap { ["--set", $0] }
    #expect(try TroupeProcess(diverging, in: workspace.url).wait().exitCode == 3)
    let json = try workspace.succeed("runs", "runs", "--json").json()
    let runs = try #require(json["runs"]?.array)
    #expect(runs.compactMap { $0["run"]?.string } == ["runs/more/deeper", "runs/plain", "runs/wild"])
    #expect(runs.compactMap { $0["state"]?.string } == ["finished", "finished", "failed"])
    #expect(runs[1]["step"]?.integer == 60 && runs[1]["total_steps"]?.integer == 60)
    #expect(runs[1]["best"]?["metric"]?.string == "validation.loss")
    #expect(runs[0]["differences"]?["model.depth"]?.string == "4")
    #expect(runs[0]["differences"]?["seed"] == nil && runs[0]["differences"]?["name"] == nil)
    let table = try workspace.succeed("runs", "runs").outputLines
    #expect(table.count == 5)
    #expect(table[1].contains("more/deeper") && table[1].contains("60/60") && table[1].contains("depth=4"))
    #expect(table[4].contains("wild failed: ") && table[4].contains("not finite"))
    // One run, a folder without runs, no folder, and a file.
    #expect(try workspace.succeed("runs", "runs/plain", "--json").json()["runs"]?.array?.count == 1)
    try FileManager.default.createDirectory(at: workspace.file("none"), withIntermediateDirectories: true)
    #expect(try workspace.succeed("runs", "none").output.contains("none: no runs here"))
    try workspace.refuse("runs", "nowhere", saying: ["nowhere", "expected a run folder"])
    try workspace.refuse("runs", "small.json", saying: ["small.json", "found a file"])
  }

  @Test func runsAreSortedAndFiltered() throws {
    for (name, steps) in [("a", 20), ("b", 60), ("c", 40)] {
      try workspace.succeed(
        "train", "small.json", "--run-dir", "runs/\(name)", "--set", "training.duration=\(steps) steps")
    }
    func names(_ options: String...) throws -> [String] {
      let result = try TroupeProcess(["runs", "runs", "--json"] + options, in: workspace.url).wait()
      #expect(result.exitCode == 0, "\(result.errors)")
      return try #require(try result.json()["runs"]?.array).compactMap { $0["run"]?.string }
    }
    #expect(try names("--sort", "step") == ["runs/b", "runs/c", "runs/a"])
    #expect(try Set(names("--sort", "best")).count == 3)
    #expect(try names("--filter", "duration=40 steps") == ["runs/c"])
    #expect(try names("--filter", "training.duration=40 steps", "--filter", "a").isEmpty)
    #expect(try names("--filter", "state=finished", "--filter", "b") == ["runs/b"])
    #expect(try workspace.succeed("runs", "runs", "--filter", "state=failed").output.contains("no run passes"))
    try workspace.refuse("runs", "runs", "--filter", "durashion=3", saying: ["durashion", "no run here"])
    try workspace.refuse("runs", "runs", "--sort", "size", saying: ["size", "best"])
  }

  @Test func reportsSayInWhatRunsDiffer() throws {
    try workspace.succeed("train", "small.json", "--run-dir", "runs/first")
    try workspace.succeed("train", "small.json", "--run-dir", "runs/second", "--set", "name=other", "--set", "seed=3")
    let result = try workspace.succeed("report", "runs/first", "runs/second", "--output", "both.html", "--json")
    let differences = try #require(try result.json()["differences"]?.members)
    #expect(differences.map(\.key) == ["seed"])
    #expect(differences[0].value == .array([.string("7"), .string("3")]))
    #expect(result.errorLines.contains { $0.hasPrefix("seed ") })
    let same = try workspace.succeed("report", "runs/first", "runs/first", "--output", "same.html")
    #expect(same.output.contains("the runs have the same settings"))
  }
}
