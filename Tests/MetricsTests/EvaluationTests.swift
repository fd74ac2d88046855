import FoundationEssentials
import JSON
import Metrics
import RecordFixtures
import TestSupport
import Testing

@Suite struct EvaluationTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    var run = FakeRun(name: "run", depth: 4, steps: 3)
    try run.write(to: folder.url)
  }

  @Test func comesBackAsItWas() throws {
    let test = EvaluationRecord.fake(of: "run")
    var few = EvaluationRecord.fake(of: "run", split: "validation", classes: 3, count: 50, hasPictures: false)
    few.topCorrect = nil
    few.isEMA = true
    few.views = 10
    #expect(try EvaluationFile.write(few, to: folder.url).replaced == nil)
    let (file, replaced) = try EvaluationFile.write(test, to: folder.url)
    #expect(file.lastPathComponent == "evaluation-test.json" && replaced == nil)
    #expect(try RunLog.read(folder: folder.url).evaluations == [test, few])
    // What scripts read.
    let bytes = Array(try folder.text("evaluation-test.json").utf8)
    let json = try JSONParser.parse(bytes.span)
    #expect(json["accuracy"]?.double.map { abs($0 - test.accuracy) < 1e-8 } == true)
    #expect(json["confusion"]?.array?[9].array?[9].integer == test.confusion[99])
    #expect(json["per_class"]?.array?.count == 10)
  }

  @Test func aNewOneTakesTheOldOnesPlace() throws {
    var record = EvaluationRecord.fake(of: "run")
    try #expect(EvaluationFile.write(record, to: folder.url).replaced == nil)
    let first = record
    record.step = 4000
    try #expect(EvaluationFile.write(record, to: folder.url).replaced == first)
    #expect(try RunLog.read(folder: folder.url).evaluations == [record])
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.url.path)
    #expect(!names.contains { $0.hasSuffix(".tmp") }, "\(names)")
  }

  @Test func anotherFileIsNotReplaced() throws {
    let name = "evaluation-test.json"
    for text in ["my own notes", #"{"format": "else", "version": 1}"#, "[1]"] {
      try Data(text.utf8).write(to: folder.file(name))
      #expect {
        try EvaluationFile.write(.fake(of: "run"), to: folder.url)
      } throws: { error in
        "\(error)".contains(name) && "\(error)".contains("move it away")
      }
      #expect(try folder.text(name) == text)
    }
    try FileManager.default.removeItem(at: folder.file(name))
    try FileManager.default.createDirectory(at: folder.file(name), withIntermediateDirectories: false)
    #expect(throws: RecordsError.self) { try EvaluationFile.write(.fake(of: "run"), to: folder.url) }
  }

  /// Cut short anywhere, or with a value that does not fit: named, never a crash, never half of it.
  @Test func damageIsNamed() throws {
    try EvaluationFile.write(.fake(of: "run", classes: 3, count: 40), to: folder.url)
    let text = try folder.text("evaluation-test.json")
    var damaged = stride(from: 0, to: text.utf8.count - 2, by: 97).map { String(text.prefix($0)) }
    for (old, new) in [
      (#""version":1"#, #""version":2"#), (#""classes":["class 0","#, #""classes":["#),
      ("\"confusion\":[[", "\"confusion\":[[-"),
      (#""target":0"#, #""target":3"#), (#""predicted":1,"probability""#, #""predicted":-1,"probability""#),
      (#""picture":"iVBOR"#, #""picture":"R0lGO"#), (#""picture":"iVBOR"#, #""picture":"<img "#),
      (#""count":40"#, #""count":-1"#), (#""ema":false"#, #""ema":false,"views":0"#),
      (#""mistakes":["#, #""mistakes":[7,"#),
    ] {
      let changed = text.replacing(old, with: new)
      #expect(changed != text, "\(old)")
      damaged.append(changed)
    }
    for text in damaged {
      try Data(text.utf8).write(to: folder.file("evaluation-test.json"))
      let log = try RunLog.read(folder: folder.url)
      #expect(log.evaluations.isEmpty && log.damagedEvaluations == ["evaluation-test.json"], "\(text.prefix(200))")
    }
  }

  @Test func classesAreCounted() throws {
    let record = EvaluationRecord(
      run: "run", step: 1, split: "test", isEMA: false, loss: 1, count: 10, correct: 6, topCorrect: nil,
      classes: ["a", "b", "c"], confusion: [4, 0, 0, 1, 2, 1, 2, 0, 0], mistakes: [])
    let scores = record.classScores
    #expect(scores.map(\.count) == [4, 4, 2] && scores.map(\.predicted) == [7, 2, 1])
    #expect(scores.map(\.accuracy) == [1, 0.5, 0] && scores.map(\.precision) == [4.0 / 7, 1, 0])
    #expect(scores.map(\.mostMistakenFor?.label) == [nil, 0, 0] && scores[2].mostMistakenFor?.count == 2)
    #expect(record.accuracy == 0.6)
    var empty = record
    empty.confusion = [4, 0, 0, 0, 0, 0, 1, 0, 0]
    #expect(empty.classScores.map(\.accuracy) == [1, nil, 0] && empty.classScores[1].precision == nil)
  }

  @Test func aThousandClassesComeBack() throws {
    let record = EvaluationRecord.fake(of: "run", classes: EvaluationRecord.mostClasses, count: 200_000, accuracy: 0)
    try EvaluationFile.write(record, to: folder.url)
    #expect(try RunLog.read(folder: folder.url).evaluations == [record])
  }
}
