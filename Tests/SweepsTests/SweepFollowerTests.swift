import Configuration
import Foundation
import JSON
import Sweeps
import TestSupport
import Testing

/// What somebody sees who only looks at a sweep's folder.
@Suite struct SweepFollowerTests {
  private let temporary: TemporaryFolder
  var folder: URL { temporary.url }
  let definition: SweepDefinition

  init() throws {
    temporary = try TemporaryFolder()
    let sweep = """
      {
        "name": "s", \(Simulation.base), "method": "grid", "metric": {"name": "validation.loss"},
        "parameters": {"model.activation": {"values": ["relu", "tanh", "gelu"]}}
      }
      """
    definition = try SweepDefinition(JSONParser.parse(sweep, file: "sweep.json"), folder: temporary.url)
  }

  private func entries(_ more: JournalEntry...) -> [JournalEntry] {
    let header = JournalHeader(
      name: "s", identity: definition.identity, seeds: definition.seeds, microBatches: 1, build: "test")
    // Of another machine: only its words tell whether it lives.
    let worker = WorkerRecord(id: "w", host: "elsewhere", boot: "x", process: 1, jobs: 2)
    return [.sweep(header), .worker(worker)] + more
  }

  private func point(_ number: Int, _ activation: String) -> JournalEntry {
    .point(
      number: number, assignment: [.init("model.activation", .string(activation))],
      trials: ["00000000000\(number)"], refusal: nil)
  }

  /// Puts another journal in the place of the old one.
  private func write(_ entries: [JournalEntry], time: Double) throws {
    let text = entries.map { $0.json(time: time).compactText + "\n" }.joined()
    try Data(text.utf8).write(to: folder.appending(path: Journal.name), options: .atomic)
  }

  private func writeDefinition() throws {
    try Data(definition.stored.prettyText.utf8).write(to: SweepFolder(folder).definition)
  }

  @Test func followsWhatIsAppended() throws {
    let follower = SweepFollower(SweepFolder(folder))
    let journal = try Journal(folder: folder, creates: true)
    try journal.transaction { _, _ in entries(point(0, "relu")) }
    // The definition comes a moment later than the journal.
    follower.follow()
    #expect(follower.progress == nil && follower.problem == nil)
    try writeDefinition()
    follower.follow()
    let before = follower.version
    #expect(follower.activity == .running && follower.progress?.running.isEmpty == true)
    #expect(follower.progress?.mostTrials == 3 && follower.progress?.remaining == nil)
    follower.follow()
    #expect(follower.version == before)
    let result = TrialResult(
      state: .finished, metrics: [("validation.loss", 0.5)], step: 9, gradientFlow: "healthy", seconds: 10)
    try journal.transaction { _, _ in
      [
        .claim(point: 0, seed: 0, rung: 0, worker: "w"), .result(point: 0, seed: 0, rung: 0, worker: "w", result),
        point(1, "tanh"), .claim(point: 1, seed: 0, rung: 0, worker: "w"),
      ]
    }
    follower.follow()
    let progress = try #require(follower.progress)
    #expect(follower.version > before && progress.running.map(\.id) == ["000000000001"])
    // Two trials are left, and two jobs take ten seconds for one each.
    #expect(progress.jobs == 2 && progress.remaining == 10)
    let lines = progress.lines(leaders: 3)
    #expect(lines.count == 3 && lines[0].contains("1 finished") && lines[0].contains("(3 at most), ETA 10s"))
    #expect(lines[1].contains("▸ 000000000001 starting") && lines[1].contains("tanh"))
    #expect(lines[2].contains("1. validation.loss 0.5000") && lines[2].hasSuffix("gradients healthy"))
    let page = try #require(follower.page()).data
    #expect(page["live"]?["unread"]?.integer == 0)
    #expect(page["live"]?["state"]?.string == "running" && page["points"]?.array?.count == 2)
    #expect(page["points"]?.array?.last?["state"]?.string == "running")
  }

  @Test func whoIsSilentForLongDoesNotRun() throws {
    try writeDefinition()
    try write(entries(point(0, "relu"), .claim(point: 0, seed: 0, rung: 0, worker: "w")), time: 1000)
    let follower = SweepFollower(SweepFolder(folder))
    follower.follow()
    #expect(follower.activity == .interrupted && follower.progress?.running.isEmpty == true)
    #expect(follower.progress?.waitingCount == 1 && follower.progress?.remaining == nil)
    // Another journal takes the old one's place: everything is read again.
    let all = ["relu", "tanh", "gelu"].enumerated().map { point($0, $1) }
    let results = (0..<3).map { number -> JournalEntry in
      .result(
        point: number, seed: 0, rung: 0, worker: "w", TrialResult(state: .finished, metrics: [("validation.loss", 1)]))
    }
    let start = entries()
    try write(start + all + results, time: 1000)
    follower.follow()
    #expect(follower.activity == .finished && follower.progress?.results.finishedCount == 3)
    // Who looks often gets a little more each time, and a version that is old until nothing is left.
    let hasty = SweepFollower(SweepFolder(folder), patience: .zero)
    hasty.follow()
    for unread in [2, 1, 0] {
      let page = try #require(hasty.page())
      #expect(page.data["live"]?["unread"]?.integer == unread)
      #expect((page.version == hasty.version) == (unread == 0))
    }
    // What cannot go on is said every time.
    let other = TrialResult(state: .finished, metrics: [("loss", 1)])
    try write(start + all + [.result(point: 0, seed: 0, rung: 0, worker: "w", other)], time: 1000)
    for _ in 0..<2 {
      follower.follow()
      #expect(follower.activity == .failed && follower.problem?.contains("no trial reports") == true)
    }
  }

  @Test func whatCannotBeReadIsAProblem() throws {
    try writeDefinition()
    try write([.heartbeat(worker: "w"), .stop(point: 7, reason: "r")], time: 1)
    let follower = SweepFollower(SweepFolder(folder))
    follower.follow()
    #expect(follower.progress == nil && follower.problem?.contains("point 7") == true)
    // It is not read again, nor drawn again, as long as it is the same.
    let version = follower.version
    follower.follow()
    #expect(follower.version == version && follower.problem != nil && follower.activity == .failed)
    #expect(follower.page()?.data == nil)
    try Data("{".utf8).write(to: SweepFolder(folder).definition)
    follower.follow()
    #expect(follower.problem?.contains("sweep.json") == true && follower.activity == .failed)
    try writeDefinition()
    try write(entries(point(0, "relu")), time: 1)
    follower.follow()
    #expect(follower.problem == nil && follower.activity == .interrupted && follower.progress != nil)
    // Times that no clock tells.
    for time in [-1e30, 1e30] {
      try write(entries(point(0, "relu"), .claim(point: 0, seed: 0, rung: 0, worker: "w")), time: time)
      follower.follow()
      #expect(follower.problem == nil && follower.progress?.lines(leaders: 1).isEmpty == false)
    }
    // A journal without a definition says nothing.
    try FileManager.default.removeItem(at: SweepFolder(folder).definition)
    follower.follow()
    #expect(follower.problem == nil && follower.progress == nil && follower.activity == .interrupted)
  }

  @Test func recordsOfATrialThatIsLetGoAreReadAgain() throws {
    try writeDefinition()
    let follower = SweepFollower(SweepFolder(folder))
    let journal = try Journal(folder: folder, creates: true)
    try journal.transaction { _, _ in entries(point(0, "relu")) }
    follower.follow()
    func steps() throws -> Int? {
      let trial = try #require(follower.page()).data["points"]?.array?.first?["trials"]?.array?.first
      return trial?["training"]?["x"]?.array?.count
    }
    #expect(try steps() ?? 0 == 0)
    let trial = SweepFolder(folder).trial("000000000000")
    try FileManager.default.createDirectory(at: trial, withIntermediateDirectories: true)
    for count in 1...2 {
      try journal.transaction { _, _ in [.claim(point: 0, seed: 0, rung: 0, worker: "w")] }
      follower.follow()
      let lines = (1...count).map { step in
        """
        {"kind":"step","step":\(step),"epoch":0.1,"loss":0.5,"learning_rate":0.1,"gradient_norm":1,\
        "clip_scale":1,"samples_per_second":1,"step_ms":1}

        """
      }
      try Data(lines.joined().utf8).write(to: trial.appending(path: "metrics.jsonl"))
      // A release is no result.
      try journal.transaction { _, _ in [.release(point: 0, seed: 0, worker: "w")] }
      follower.follow()
      #expect(try steps() == count)
    }
  }
}
