import FoundationEssentials
import Glibc
import Metrics
import Reports
import TestSupport
import Testing

@Suite struct RunSummaryTests {
  /// A run that writes `lines` and nothing else.
  private func run(_ folder: URL, configuration: String?, _ write: (MetricsWriter) throws -> Void) throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let writer = try MetricsWriter(folder: folder, resumeAt: nil)
    try writer.run(MetricsTests.header)
    try write(writer)
    try writer.flush()
    if let configuration { try Data(configuration.utf8).write(to: folder.appending(path: "config.resolved.json")) }
  }

  private func step(_ step: Int, loss: Float) -> StepRecord {
    StepRecord(
      step: step, epoch: Double(step) / 10, loss: loss, learningRate: 1, gradientNorm: 1, clipScale: 1,
      samplesPerSecond: 1, stepMilliseconds: 500)
  }

  @Test func stateFollowsFromTheLastTurnAndTheLock() throws {
    let ends: [(kind: EventRecord.Kind?, expected: RunActivity)] = [
      (nil, .interrupted), (.finished, .finished), (.earlyStop, .finished), (.stopped, .interrupted),
      (.failed, .failed), (.resumed, .interrupted),
    ]
    let folder = try TemporaryFolder()
    for (index, (kind, expected)) in ends.enumerated() {
      let place = folder.file("run-\(index)")
      try run(place, configuration: nil) { writer in
        try writer.step(step(1, loss: 3))
        try writer.event(EventRecord(step: 1, kind: .finished, text: "an earlier session"))
        try writer.event(EventRecord(step: 1, kind: .resumed, text: "went on"))
        if let kind { try writer.event(EventRecord(step: 1, kind: kind, text: "why")) }
        try writer.event(EventRecord(step: 1, kind: .checkpoint, text: "says nothing of the end"))
      }
      let summary = try #require(try RunSummary.read(place))
      #expect(summary.activity == expected)
      let lock = open(place.appending(path: "run.lock").path, O_RDWR | O_CREAT, 0o644)
      defer { close(lock) }
      try #require(flock(lock, LOCK_EX | LOCK_NB) == 0)
      let held: RunActivity = expected == .interrupted ? .running : expected
      #expect(try RunSummary.read(place)?.activity == held)
    }
  }

  @Test func bestIsWhatTheRunWatches() throws {
    let folder = try TemporaryFolder()
    func validation(_ step: Int, _ loss: Float, _ accuracy: Float, split: String = "validation") -> ValidationRecord {
      ValidationRecord(step: step, split: split, loss: loss, accuracy: accuracy, count: 10)
    }
    func best(_ name: String, _ configuration: String?, _ validations: [ValidationRecord]) throws -> RunSummary.Best? {
      let place = folder.file(name)
      try run(place, configuration: configuration) { writer in
        for index in 1...3 { try writer.step(step(index, loss: [0, 2, 0.5, .nan][index])) }
        try writer.norms(step: 3, [TensorNorms(), TensorNorms()].span)
        for record in validations { try writer.validation(record) }
        try writer.step(step(4, loss: 0.25))
      }
      let summary = try #require(try RunSummary.read(place))
      #expect(summary.step == 4 && summary.seconds == 2)
      #expect(summary.totalSteps == (configuration == nil ? nil : 70))
      return summary.best
    }
    let records = [validation(2, 1, 0.5), validation(3, 2, 0.75), validation(4, 0, 1, split: "test")]
    let accuracy = #"{"checkpoints": {"monitor": "validation.accuracy"}, "training": {"duration": "7 epochs"}}"#
    let loss = #"{"training": {"duration": "70 steps"}}"#
    #expect(try best("a", accuracy, records) == .init(metric: "validation.accuracy", value: 0.75, step: 3))
    #expect(try best("b", loss, records) == .init(metric: "validation.loss", value: 1, step: 2))
    #expect(try best("c", nil, []) == .init(metric: "loss", value: 0.25, step: 4))
  }

  @Test func searchFindsRunsAndNothingInThem() throws {
    let folder = try TemporaryFolder()
    for path in ["b/trials/2", "b/trials/1", "a", "a/inner", ".hidden/run", "empty/deep"] {
      let place = folder.file(path)
      try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
      if path != "empty/deep" { try Data("{}".utf8).write(to: place.appending(path: "config.resolved.json")) }
    }
    symlink(folder.file("a").path, folder.file("link").path)
    let found = RunSearch.runs(below: folder.url)
    #expect(found.map { RunSearch.name(of: $0, in: folder.url) } == ["a", "b/trials/1", "b/trials/2"])
    #expect(RunSearch.runs(below: folder.file("a")) == [folder.file("a")])
    // A run that has just begun has no records yet; one that has gone away is no run any more.
    #expect(try RunSummary.read(folder.file("a"))?.step == 0)
    #expect(try RunSummary.read(folder.file("gone")) == nil)
  }
}
