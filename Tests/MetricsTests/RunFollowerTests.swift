import FoundationEssentials
import Glibc
import Metrics
import RecordFixtures
import TestSupport
import Testing

@Suite struct RunFollowerTests {
  private let folder: TemporaryFolder
  private var file: URL { folder.file("metrics.jsonl") }

  init() throws { folder = try TemporaryFolder() }

  private func step(_ step: Int) -> StepRecord {
    StepRecord(
      step: step, epoch: Double(step) / 10, loss: Float(step), learningRate: 1, gradientNorm: 1, clipScale: 1,
      samplesPerSecond: 1, stepMilliseconds: 1)
  }

  private func append(_ text: String) throws {
    let handle = open(file.path, O_WRONLY | O_APPEND | O_CREAT, 0o644)
    defer { close(handle) }
    let bytes = Array(text.utf8)
    try #require(write(handle, bytes, bytes.count) == bytes.count)
  }

  @Test func whatIsFollowedIsWhatIsRead() throws {
    var run = FakeRun(name: "followed", depth: 6, width: 8, steps: 300)
    try run.write(to: folder.url)
    var follower = RunFollower(folder.url)
    #expect(try follower.follow())
    let (log, whole) = (try follower.log(), try RunLog.read(folder: folder.url))
    #expect(log.steps == whole.steps && log.norms == whole.norms && log.lastNorms == whole.lastNorms)
    #expect(log.validations == whole.validations && log.activations == whole.activations)
    #expect(log.events == whole.events && log.header == whole.header)
    #expect(follower.totalSteps == 2000)
    // Intervals of stages are added up.
    let busy = whole.stages.flatMap(\.stages).filter { $0.name == "lane 0" }.reduce(0) { $0 + $1.busy }
    #expect(log.stages.count == 1)
    #expect(abs((log.stages[0].stages.first { $0.name == "lane 0" }?.busy ?? 0) - busy) < 1e-9)
    let version = follower.version
    #expect(try follower.follow())
    #expect(follower.version == version)
  }

  @Test func linesAreReadOnceAndWhole() throws {
    let writer = try MetricsWriter(folder: folder.url, resumeAt: nil)
    try writer.run(MetricsTests.header)
    for index in 1...3 { try writer.step(step(index)) }
    try writer.flush()
    for isSkimming in [false, true] {
      var follower = RunFollower(folder.url, isSkimming: isSkimming)
      #expect(try follower.follow())
      #expect(follower.lastStep == step(3))
      #expect(try follower.log().steps.count == (isSkimming ? 0 : 3))
    }
    var follower = RunFollower(folder.url)
    #expect(try follower.follow())
    // Half a line is nothing yet, and whole later.
    let line = try #require(try folder.text("metrics.jsonl").split(separator: "\n").last).replacing(
      "\"step\":3", with: "\"step\":4")
    let half = line.index(line.startIndex, offsetBy: 40)
    try append(String(line[..<half]))
    #expect(try follower.follow())
    #expect(follower.lastStep?.step == 3)
    try append(String(line[half...]) + "\n")
    #expect(try follower.follow())
    #expect(try follower.log().steps.map(\.step) == [1, 2, 3, 4])
  }

  @Test func aResumedRunIsReadAgain() throws {
    let writer = try MetricsWriter(folder: folder.url, resumeAt: nil)
    try writer.run(MetricsTests.header)
    for index in 1...6 { try writer.step(step(index)) }
    try writer.flush()
    var follower = RunFollower(folder.url)
    #expect(try follower.follow())
    let version = follower.version
    let resumed = try MetricsWriter(folder: folder.url, resumeAt: 4)
    try resumed.step(step(5))
    try resumed.flush()
    #expect(try follower.follow())
    #expect(follower.version > version)
    #expect(try follower.log().steps.map(\.step) == [1, 2, 3, 4, 5])
    // Records that go away leave what was read.
    try FileManager.default.removeItem(at: file)
    #expect(try !follower.follow())
    #expect(follower.lastStep?.step == 5)
  }

  @Test func longRunsAreThinned() throws {
    let writer = try MetricsWriter(folder: folder.url, resumeAt: nil)
    try writer.run(MetricsTests.header)
    for index in 1...20_000 { try writer.step(step(index)) }
    try writer.flush()
    var follower = RunFollower(folder.url)
    #expect(try follower.follow())
    let steps = try follower.log().steps
    #expect((1_000...4_001).contains(steps.count))
    #expect(steps.first?.step == 1 && steps.last?.step == 20_000)
  }
}
