import Foundation
import JSON
import Testing

/// `train --find-learning-rate` and `train --profile`.
@Suite struct TrainAidsTests {
  let workspace: Workspace

  init() throws { workspace = try .withSmallConfiguration() }

  @Test func searchSuggestsARateAndLeavesNoRun() throws {
    let before = try workspace.snapshot()
    let result = try workspace.succeed("train", "small.json", "--find-learning-rate", "--json")
    let json = try result.json()
    let suggested = try #require(json["suggested"]?.double, "\(result.errors)")
    #expect(suggested > 1e-4 && suggested < 1, "\(result.errors)")
    #expect(json["configured"]?.double == 0.01)
    let rates = json["rates"]?.array?.compactMap { $0.double } ?? []
    #expect(rates.first == 1e-7 && rates == rates.sorted())
    #expect(json["losses"]?.array?.count == rates.count)
    #expect(result.errors.contains("suggested"))
    // One page and nothing of a run; older files are unchanged.
    let after = try workspace.snapshot()
    #expect(Set(after.keys).subtracting(before.keys) == ["checkpoints/small.learning-rate.html"])
    #expect(before.allSatisfy { after[$0.key] == $0.value })
    // Twice the same, and beside another run folder where one is named.
    let again = try workspace.succeed(
      "train", "small.json", "--find-learning-rate", "--json", "--run-dir", "runs/x", "--lanes", "1")
    #expect(try again.json()["losses"] == json["losses"])
    #expect(try workspace.names("runs") == ["x.learning-rate.html"])
    try workspace.refuse(
      "train", "small.json", "--find-learning-rate", "--resume", saying: ["--find-learning-rate", "drop --resume"])
  }

  @Test func profileShowsLayersAndChangesNothing() throws {
    let plain = try workspace.succeed("train", "small.json", "--run-dir", "plain", "--json").json()
    let result = try workspace.succeed("train", "small.json", "--run-dir", "profiled", "--profile", "--json")
    let json = try result.json()
    #expect(json["parameters_digest"] == plain["parameters_digest"])
    #expect(!workspace.exists("plain/trace.json") && plain["profile"] == nil)
    let profile = try #require(json["profile"])
    #expect(profile["first_step"]?.integer == 6 && profile["steps"]?.integer == 20)
    let layers = try #require(profile["layers"]?.array)
    #expect(layers.contains { $0["name"]?.string == "hidden.0" && $0["gflops"]?.double ?? 0 > 0 })
    #expect(layers.allSatisfy { $0["forward_ms"]?.double ?? 0 > 0 })
    // The time of the lanes, whole and without overlap.
    let others = try #require(profile["others"]?.array)
    let shares = (layers + others).compactMap { $0["share"]?.double }.reduce(0, +)
    #expect(abs(shares - 1) < 0.02, "\(shares)")
    for word in ["forward ms", "hidden.0", "update", "waiting", "trace.json"] { #expect(result.errors.contains(word)) }
    // The trace: every layer of every micro-batch of every step, one after another on each lane.
    let trace = try JSONParser.parse(try workspace.text("profiled/trace.json"), file: "trace.json")
    let events = try #require(trace["traceEvents"]?.array)
    let spans = events.filter { $0["ph"]?.string == "X" }
    let forward = spans.filter { $0["cat"]?.string == "forward" && $0["name"]?.string == "hidden.0" }
    #expect(forward.count == 20 * 2)
    #expect(Set(forward.compactMap { $0["args"]?["step"]?.integer }) == Set(6...25))
    let names = events.filter { $0["name"]?.string == "thread_name" }.compactMap { $0["args"]?["name"]?.string }
    #expect(names.contains("lane 0") && names.contains("loader"))
    for lane in 0..<2 {
      let own = spans.filter { $0["tid"]?.integer == lane }
      let times = own.compactMap { span in
        span["ts"]?.double.flatMap { ts in span["dur"]?.double.map { (ts, ts + $0) } }
      }
      .sorted { $0.0 < $1.0 }
      #expect(zip(times, times.dropFirst()).allSatisfy { $0.1 <= $1.0 + 0.002 })
    }
    // A finished run has no step to profile, and reports it.
    let over = try workspace.succeed("train", "small.json", "--run-dir", "profiled", "--profile", "--resume")
    #expect(over.output.contains("ended before a step was measured"))
  }
}
