import FoundationEssentials
import JSON
import Metrics
import RecordFixtures
import Reports
import TestSupport
import Testing

/// Evaluations and probes in a report.
@Suite struct EvaluationPageTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    var run = FakeRun(name: "run", depth: 4, steps: 3)
    try run.write(to: folder.url)
  }

  private func page(_ runs: [RunLog]) throws -> String {
    try Report.write(runs: runs, to: folder.file("report.html"))
    return try folder.text("report.html")
  }

  @Test func theReportDrawsThem() throws {
    let record = EvaluationRecord.fake(of: "run", classes: 3, count: 60)
    try EvaluationFile.write(record, to: folder.url)
    let text = try page([RunLog.read(folder: folder.url)])
    let cells = record.confusion.indices.filter { record.confusion[$0] > 0 }
      .flatMap { [$0 / 3, $0 % 3, record.confusion[$0]] }
    #expect(text.contains("\"cells\":[\(cells.map(String.init).joined(separator: ","))]"))
    #expect(text.components(separatedBy: #""picture":"iVBOR"#).count == 25)
    #expect(text.contains("Right and wrong answers") && text.contains(#""views":1,"#))
  }

  /// Side by side is shown what most of the runs have, with fewer mistakes each.
  @Test func severalRunsShowOneSplit() throws {
    func log(_ splits: String...) -> RunLog {
      var log = RunLog(folder: folder.url, name: "run")
      log.evaluations = splits.map { .fake(of: "run", split: $0) }
      return log
    }
    let text = try page([log("test", "validation"), log("validation"), log("train"), log()])
    let shown = text.components(separatedBy: #""split":"#).dropFirst().map { $0.prefix(12).split(separator: "\"")[0] }
    #expect(shown == ["validation", "validation", "train"])
    #expect(text.components(separatedBy: #""target_probability":"#).count == 1 + 3 * 8)
  }

  @Test func aThousandClassesStaySmall() throws {
    var log = RunLog(folder: folder.url, name: "run")
    var record = EvaluationRecord.fake(of: "run", classes: EvaluationRecord.mostClasses, count: 200_000, accuracy: 0)
    for cell in record.confusion.indices { record.confusion[cell] += cell % 5 == 0 ? 1 : 0 }
    log.evaluations = [record]
    let text = try page([log])
    #expect(text.utf8.count < 1_000_000)
    #expect(!text.contains("\"hidden_cells\":0"))
    #expect(try page([RunLog](repeating: log, count: 12)).utf8.count < 2_000_000)
  }

  @Test func namesCannotBecomeMarkup() throws {
    let evil = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
    var log = RunLog(folder: folder.url, name: "run")
    var record = EvaluationRecord.fake(of: "run", classes: 3)
    record.classes[1] = evil
    record.split = evil
    log.evaluations = [record]
    log.damagedEvaluations = [evil]
    let text = try page([log])
    #expect(text.lowercased().components(separatedBy: "</script>").count == 3)
    #expect(!text.contains("<img"))
  }

  @Test func damagedFilesAreNamed() throws {
    try Data("not JSON".utf8).write(to: folder.file("evaluation-test.json"))
    let text = try page([RunLog.read(folder: folder.url)])
    #expect(text.contains(#""damaged_evaluations":["evaluation-test.json"]"#))
  }

  /// A long reach is thinned, so that pages of many runs stay small.
  @Test func reportShowsTheProbe() throws {
    var logs = [RunLog](repeating: try RunLog.read(folder: folder.url), count: 12)
    for index in logs.indices { logs[index].probe = .fake(of: "run", length: 20_000, decay: 0.9) }
    let text = try page(logs)
    #expect(text.utf8.count < 700_000)
    #expect(text.contains(#""probe":{"step":600,"training_length":20000"#) && text.contains(#""factor":4,"#))
    #expect(text.contains(#""clock":{"x":[1,2,3]"#))
  }
}
