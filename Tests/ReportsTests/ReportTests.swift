import FoundationEssentials
import Glibc
import Metrics
import RecordFixtures
import Reports
import TestSupport
import Testing

@Suite struct ReportTests {
  /// Processes that share a sweep end together, and write one report.
  @Test func severalMayWriteTheSameFileAtOnce() async throws {
    let place = try TemporaryFolder()
    let url = place.url
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<40 {
        group.addTask { try SampleGrids.write([UInt8](repeating: UInt8(number), count: 10_000), step: 1, to: url) }
      }
      try await group.waitForAll()
    }
    let samples = url.appending(path: SampleGrids.folderName)
    #expect(try FileManager.default.contentsOfDirectory(atPath: samples.path) == [SampleGrids.name(step: 1)])
    let bytes = try Data(contentsOf: samples.appending(path: SampleGrids.name(step: 1)))
    #expect(bytes.count == 10_000 && Set(bytes).count == 1)
    withExtendedLifetime(place) {}
  }

  /// What a process has left that was killed while it wrote.
  @Test func leftoversOfAnEarlierWriteGo() throws {
    let folder = try TemporaryFolder()
    let old = [
      "report.html.0123456789abcdef.tmp", "report.html.tmp", "report.html.old.tmp", "other.html.0123456789abcdef.tmp",
    ]
    let young = "report.html.fedcba9876543210.tmp"
    for name in old + [young] {
      try Data([1]).write(to: folder.file(name))
      if name == young { continue }
      let yesterday = Date(timeIntervalSinceNow: -86_400)
      try FileManager.default.setAttributes([.modificationDate: yesterday], ofItemAtPath: folder.file(name).path)
    }
    _ = try page([], in: folder)
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.url.path)
    #expect(names.sorted() == (old.dropFirst() + [young, "report.html"]).sorted())
  }

  private func page(_ runs: [RunLog], in folder: TemporaryFolder) throws -> String {
    try Report.write(runs: runs, to: folder.file("report.html"))
    return try folder.text("report.html")
  }

  /// Set TROUPE_SAMPLE_REPORTS to a folder to keep the sample reports and look at them.
  @Test func sampleReportsAreWhole() throws {
    let folder = try TemporaryFolder()
    let kept = ProcessInfo.processInfo.environment["TROUPE_SAMPLE_REPORTS"].map { URL(filePath: $0) }
    var runs: [RunLog] = []
    for var run in [
      FakeRun(name: "mlp-sigmoid", activation: "sigmoid", decay: 0.25, learns: false),
      FakeRun(name: "mlp-relu"),
    ] {
      let place = folder.file(run.name)
      try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
      try run.write(to: place)
      runs.append(try RunLog.read(folder: place))
    }
    #expect(runs.map(\.gradientFlow.verdict) == [.vanishing, .healthy])
    runs[0].evaluations = [.fake(of: "mlp-sigmoid", accuracy: 0.2)]
    runs[0].probe = .fake(of: "mlp-sigmoid", decay: 0.8)
    runs[1].probe = .fake(of: "mlp-relu", position: "learned")
    runs[1].evaluations = [.fake(of: "mlp-relu"), .fake(of: "mlp-relu", split: "validation", classes: 120)]
    let unusual = try unusualRuns(in: folder)
    for (name, shown) in [("pair", runs), ("relu", [runs[1]]), ("unusual", unusual), ("none", [])] {
      let text = try page(shown, in: folder)
      #expect(text.utf8.count < 2_000_000)
      #expect(text.contains("</html>"))
      #expect(!text.contains("{{"))
      if let kept { try Data(text.utf8).write(to: kept.appending(path: "\(name).html")) }
    }
  }

  /// Runs at the edges: nothing logged, one step, a shallow network, and numbers that are zero or not finite.
  private func unusualRuns(in folder: TemporaryFolder) throws -> [RunLog] {
    var one = FakeRun(name: "one step", depth: 1, steps: 1)
    var broken = FakeRun(name: "breaks", depth: 12, steps: 40, stepsPerEpoch: 10, decay: 0.0001)
    let places = ["one", "broken"].map { folder.file($0) }
    for place in places { try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true) }
    try one.write(to: places[0])
    try broken.write(to: places[1])
    var log = try RunLog.read(folder: places[1])
    for index in 30..<40 {
      log.steps[index].loss = index == 35 ? .infinity : .nan
      log.steps[index].gradientNorm = .nan
      for tensor in log.norms[index].tensors.indices { log.norms[index].tensors[tensor].gradientL2 = .nan }
    }
    log.damagedLines = 2
    log.evaluations = [
      .fake(of: log.name, split: "train", classes: EvaluationRecord.mostClasses, count: 50_000, hasPictures: false)
    ]
    log.damagedEvaluations = ["evaluation-test.json"]
    return [RunLog(folder: folder.url, name: "nothing logged"), try RunLog.read(folder: places[0]), log]
  }

  @Test func fileLoadsNothingFromTheNetwork() throws {
    let folder = try TemporaryFolder()
    let text = try page([RunLog(folder: folder.url, name: "empty")], in: folder)
    let addresses = text.split(separator: "\"").filter { $0.hasPrefix("http:") || $0.hasPrefix("https:") }
    // The SVG name space is a name, not an address.
    #expect(addresses == ["http://www.w3.org/2000/svg"])
    #expect(!text.contains("src=\"") && !text.contains("<link") && !text.contains("@import"))
  }

  @Test func namesCannotBecomeMarkup() throws {
    let folder = try TemporaryFolder()
    let evil = "</script><script>alert(1)</script><img src=x onerror=alert(2)>{{script}}<!--"
    var header = FakeRun(name: evil, depth: 4).header
    header.family = evil
    header.tensors[0].name = evil
    let writer = try MetricsWriter(folder: folder.url, resumeAt: nil)
    try writer.run(header)
    try writer.event(EventRecord(step: 1, kind: .note, text: evil))
    try Data("{\"name\": \"</SCRIPT><b>\", \"<i>\": 1}".utf8).write(to: folder.file("config.resolved.json"))
    let text = try page([try RunLog.read(folder: folder.url)], in: folder)
    #expect(text.lowercased().components(separatedBy: "</script>").count == 3)
    #expect(!text.contains("<img") && !text.contains("<b>") && !text.contains("<i>") && !text.contains("<!--"))
    let empty = try page([RunLog(folder: folder.url, name: "x")], in: folder)
    // What stands in for a mark is put in once.
    #expect(
      text.components(separatedBy: "document.title").count == empty.components(separatedBy: "document.title").count)
  }

  @Test func configurationsAreComparedKeyByKey() {
    let table = ConfigurationTable([
      #"{"$schema": "x", "model": {"depth": 50, "rates": [0.9, 0.999]}, "data": [{"a": 1e-4}, true]}"#,
      #"{"model": {"depth": 20, "rates": [0.9, 0.999], "new": null}, "data": [{"a": 0.0001}, true]}"#,
      "not json", nil,
    ])
    #expect(table.readable == [true, true, false, false])
    #expect(table.rows.map(\.key) == ["data[0].a", "data[1]", "model.depth", "model.new", "model.rates"])
    #expect(table.rows.filter { $0.differs }.map(\.key) == ["model.depth", "model.new"])
    #expect(table.rows.map { $0.values[0] } == ["0.0001", "true", "50", nil, "[0.9, 0.999]"])
  }

  @Test func differencesLeaveOutWhatIsTheSame() {
    let table = ConfigurationTable([
      #"{"name": "a", "seed": 1, "model": {"type": "mlp", "depth": 5}, "optimizer": {"rate": 0.1, "type": "sgd"}}"#,
      #"{"name": "b", "seed": 1, "model": {"type": "mlp", "depth": 9}, "optimizer": {"type": "adam"}}"#, nil,
    ])
    #expect(table.differences.map(\.key) == ["model.depth", "optimizer.type", "optimizer.rate"])
    #expect(table.differences.map(table.shortKey) == ["depth", "type", "rate"])
    #expect(table.differences[0].values == ["5", "9", nil])
  }

  /// Records with bytes cut off or changed.
  @Test func damageNeverStopsAReport() throws {
    let folder = try TemporaryFolder()
    var run = FakeRun(name: "damage", depth: 2, width: 4, steps: 3)
    try run.write(to: folder.url)
    let whole = [UInt8](try Data(contentsOf: folder.file("metrics.jsonl")))
    for round in 0..<200 {
      var bytes = whole
      if round % 2 == 0 { bytes.removeLast(Int(run.uniform() * Double(bytes.count))) }
      for _ in 0..<(round % 5) where !bytes.isEmpty {
        bytes[Int(run.uniform() * Double(bytes.count))] = UInt8(run.uniform() * 255)
      }
      try Data(bytes).write(to: folder.file("metrics.jsonl"))
      #expect(try page([RunLog.read(folder: folder.url)], in: folder).contains("</html>"))
    }
  }

  @Test func longRunStaysSmall() throws {
    let folder = try TemporaryFolder()
    var run = FakeRun(name: "long", steps: 100_000, stepsPerEpoch: 1000, normsEvery: 100)
    try run.write(to: folder.url)
    let log = try RunLog.read(folder: folder.url)
    #expect(log.steps.count == 100_000)
    #expect(log.norms.count <= RunLog.keptRecords + 1)
    #expect(log.norms.last?.step == 100_000)
    let text = try page([log], in: folder)
    print("report of 100,000 steps: \(text.utf8.count) bytes")
    #expect(text.utf8.count < 500_000)
    let many = try page([RunLog](repeating: log, count: 12), in: folder)
    print("report of 12 such runs: \(many.utf8.count) bytes")
    #expect(many.utf8.count < 2_000_000)
  }

  @Test func emptyAndDamagedRunsAreShown() throws {
    let folder = try TemporaryFolder()
    #expect(throws: RecordsError.self) { try RunLog.read(folder: folder.url) }
    try Data("not json\n{\"kind\":\"step\",\"step\":1}\n{\"kind\":\"norms\"".utf8).write(
      to: folder.file("metrics.jsonl"))
    let log = try RunLog.read(folder: folder.url)
    #expect(log.damagedLines == 3)
    #expect(try page([log], in: folder).contains("\"damaged_lines\":3"))
    #expect(try page([], in: folder).contains("</html>"))
  }
}
