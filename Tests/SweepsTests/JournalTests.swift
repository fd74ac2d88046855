import Foundation
import JSON
import Runs
import Sweeps
import TestSupport
import Testing

/// The journal on the disk: torn lines, damage, several writers.
@Suite struct JournalTests {
  private let temporary: TemporaryFolder
  var folder: URL { temporary.url }
  var file: URL { folder.appending(path: Journal.name) }

  init() throws { temporary = try TemporaryFolder() }

  private func append(_ entries: JournalEntry..., to journal: Journal) throws {
    try journal.transaction { _, _ in entries }
  }

  private func kinds(_ journal: Journal) throws -> [String] {
    try journal.news().map { $0.entry.json(time: 0)["kind"]?.string ?? "" }
  }

  @Test func everyKindOfEntryIsReadBackAsItWas() throws {
    let result = TrialResult(
      state: .paused, metrics: [("validation.loss", 0.1 + 0.2), ("loss", .nan), ("seconds", 3)], step: 12, digest: "ab",
      gradientFlow: "healthy", seconds: 1.25, reason: "a \"quote\"\nand a line")
    let entries: [JournalEntry] = [
      .sweep(
        JournalHeader(
          name: "s", identity: .object([("method", .string("grid"))]), seeds: [1, 2], microBatches: 2, build: "b")),
      .worker(WorkerRecord(id: "w", host: "h", boot: "b", process: 7, jobs: 2)), .heartbeat(worker: "w"),
      .point(
        number: 0, assignment: [.init("a.b", .number(0.1)), .init("c", .null)], trials: ["x", "y"], refusal: nil),
      .point(number: 1, assignment: [], trials: [], refusal: "no"), .claim(point: 0, seed: 1, rung: 2, worker: "w"),
      .result(point: 0, seed: 1, rung: 2, worker: "w", result), .release(point: 0, seed: 0, worker: "w"),
      .stop(point: 0, reason: "worse"),
    ]
    let journal = try Journal(folder: folder, creates: true)
    try journal.transaction { _, _ in entries }
    let read = try Journal(folder: folder, creates: false).news().map(\.entry)
    #expect(read.map { $0.json(time: 1).compactText } == entries.map { $0.json(time: 1).compactText })
    guard case .result(_, _, _, _, let again) = read[6] else {
      Issue.record("no result")
      return
    }
    #expect(again.value(of: "validation.loss") == 0.1 + 0.2 && again.value(of: "loss")?.isNaN == true)
  }

  @Test func aTornLastLineIsCutOffByTheNextWriter() throws {
    let journal = try Journal(folder: folder, creates: true)
    try append(.heartbeat(worker: "a"), .stop(point: 0, reason: "r"), to: journal)
    let whole = try Data(contentsOf: file)
    for cut in stride(from: 1, to: whole.count, by: 7) {
      try whole.prefix(cut).write(to: file)
      let before = whole.prefix(cut).split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).count - 1
      let reader = try Journal(folder: folder, creates: false)
      #expect(try kinds(reader).count == before)
      try append(.heartbeat(worker: "b"), to: reader)
      let again = try kinds(Journal(folder: folder, creates: false))
      #expect(again == Array(["heartbeat", "stop"].prefix(before)) + ["heartbeat"], "cut at \(cut)")
    }
  }

  @Test func damageInTheMiddleIsNamedAndNothingIsWritten() throws {
    let journal = try Journal(folder: folder, creates: true)
    try append(.heartbeat(worker: "a"), .heartbeat(worker: "b"), .heartbeat(worker: "c"), to: journal)
    var bytes = try Data(contentsOf: file)
    let second = try #require(bytes.firstIndex(of: UInt8(ascii: "\n"))) + 3
    bytes[second] = UInt8(ascii: "}")
    try bytes.write(to: file)
    let damaged = try Journal(folder: folder, creates: false)
    let error = #expect(throws: (any Error).self) { try self.append(.heartbeat(worker: "d"), to: damaged) }
    #expect("\(String(describing: error))".contains("\(Journal.name):2"), "\(String(describing: error))")
    #expect(try Data(contentsOf: file) == bytes)
  }

  @Test func whatIsNoJournalIsRefusedSoon() throws {
    // A pipe that nobody writes to.
    #expect(mkfifo(file.path, 0o644) == 0)
    #expect(throws: RunError.self) { try Journal(reading: self.folder) }
    try FileManager.default.removeItem(at: file)
    // A terabyte of nothing.
    try Data().write(to: file)
    #expect(truncate(file.path, 1 << 40) == 0)
    let error = #expect(throws: RunError.self) { try Journal(reading: self.folder).news() }
    #expect(error?.description.contains("\(Journal.name):1") == true, "\(String(describing: error))")
  }

  @Test func linesAreReadAcrossPieces() throws {
    let journal = try Journal(folder: folder, creates: true)
    let reasons = (0..<40).map { String(repeating: "r", count: 100_000 + $0) }
    try journal.transaction { _, _ in reasons.map { .stop(point: 0, reason: $0) } }
    let read = try Journal(reading: folder)
    #expect(try read.news().map { $0.entry.json(time: 0)["reason"]?.string } == reasons)
    #expect(try read.news().isEmpty && !read.hasNews())
  }

  @Test func manyWritersLoseNothingAndSeeEverythingInOneOrder() async throws {
    _ = try Journal(folder: folder, creates: true)
    let folder = folder
    let writers = 4
    let each = 25
    // Every writer counts what it has seen; a number that two had chosen would be there twice.
    try await withThrowingTaskGroup(of: Void.self) { group in
      for writer in 0..<writers {
        group.addTask {
          let journal = try Journal(folder: folder, creates: false)
          var seen = 0
          for _ in 0..<each {
            try journal.transaction { news, _ in
              seen += news.count
              defer { seen += 1 }
              return [.stop(point: seen, reason: "writer \(writer)")]
            }
          }
        }
      }
      try await group.waitForAll()
    }
    let points = try Journal(folder: folder, creates: false).news().map { $0.entry.json(time: 0)["point"]?.integer }
    #expect(points == Array(0..<writers * each))
  }

  @Test func anEntryOfWhatWasNeverToldIsDisorder() throws {
    let simulation = try Simulation(
      """
      {"name": "s", \(Simulation.base), "method": "grid", "metric": {"name": "loss"},
       "parameters": {"model.activation": {"values": ["relu"]}}}
      """
    ) { _, _, _ in nil }
    for entry in [
      JournalEntry.claim(point: 0, seed: 0, rung: 0, worker: "w"), .stop(point: 3, reason: ""),
      .point(number: 1, assignment: [], trials: ["a"], refusal: nil),
    ] {
      var state = simulation.state
      #expect(throws: RunError.self) { try state.apply(entry, time: 0) }
    }
  }

  @Test func idsThatAreNoFoldersAndRungsThatAreNoneAreDisorder() throws {
    var simulation = try Simulation(Self.sweep("relu")) { _, _, _ in nil }
    for id in ["../../run", "0123456789aB", "0123456789a", "0123456789abc", ""] {
      var state = simulation.state
      #expect(throws: RunError.self, "\(id)") {
        try state.apply(.point(number: 0, assignment: [], trials: [id], refusal: nil), time: 0)
      }
    }
    try simulation.write([.point(number: 0, assignment: [], trials: ["0123456789ab"], refusal: nil)])
    for entry in [
      JournalEntry.claim(point: 0, seed: 0, rung: 1, worker: "w"),
      .result(point: 0, seed: 0, rung: 1, worker: "w", TrialResult(state: .finished)),
      .result(point: 0, seed: 0, rung: -1, worker: "w", TrialResult(state: .finished)),
      .worker(WorkerRecord(id: "../w", host: "h", boot: "b", process: 1, jobs: 1)), simulation.entries[0],
    ] {
      var state = simulation.state
      #expect(throws: RunError.self) { try state.apply(entry, time: 0) }
    }
  }

  @Test func aReportRefusesTheJournalOfAnotherDefinition() throws {
    func definition(_ value: String) throws -> SweepDefinition {
      try SweepDefinition(
        JSONParser.parse(Self.sweep(value), file: "sweep.json"), folder: URL(fileURLWithPath: "."))
    }
    let relu = try definition("relu")
    let journal = try Journal(folder: folder, creates: true)
    let empty = #expect(throws: RunError.self) { try SweepFolder(self.folder).read(relu) }
    #expect(empty?.description.contains("does not begin") == true, "\(String(describing: empty))")
    let header = JournalHeader(
      name: "s", identity: relu.identity, seeds: relu.seeds, microBatches: 1, build: "test")
    try append(.sweep(header), to: journal)
    #expect(try SweepFolder(folder).read(relu).header == header)
    let tanh = try definition("tanh")
    let error = #expect(throws: RunError.self) { try SweepFolder(self.folder).read(tanh) }
    #expect(error?.description.contains("another definition (parameters") == true, "\(String(describing: error))")
  }

  private static func sweep(_ activation: String) -> String {
    """
    {"name": "s", \(Simulation.base), "method": "grid", "metric": {"name": "loss"},
     "parameters": {"model.activation": {"values": ["\(activation)"]}}}
    """
  }
}
