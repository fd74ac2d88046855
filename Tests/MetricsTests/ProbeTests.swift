import FoundationEssentials
import Metrics
import RecordFixtures
import TestSupport
import Testing

@Suite struct ProbeTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    var run = FakeRun(name: "run", depth: 4, steps: 3)
    try run.write(to: folder.url)
  }

  @Test func comesBackAsItWas() throws {
    #expect(try RunLog.read(folder: folder.url).probe == nil)
    for probe in [ProbeRecord.fake(of: "a", position: "learned"), .fake(of: "b", decay: 0.5)] {
      #expect(try ProbeFile.write(probe, to: folder.url).lastPathComponent == "probe.json")
      let log = try RunLog.read(folder: folder.url)
      #expect(log.probe == probe && log.damagedEvaluations.isEmpty)
    }
  }

  /// Cut short anywhere, or with a value that does not fit: named, never a crash, never half of it, never replaced.
  @Test func damageIsNamed() throws {
    let whole = ProbeRecord.fake(of: "run", position: "learned")
    _ = try ProbeFile.write(whole, to: folder.url)
    let text = try folder.text("probe.json")
    var damaged = stride(from: 0, to: text.utf8.count - 2, by: 61).map { String(text.prefix($0)) }
    for (old, new) in [
      (#""version":1"#, #""version":2"#), (#""training_length":64"#, #""training_length":0"#),
      (#""rows":"#, #""rows":-"#), (#""median_ms":"#, #""median_ms":[],"x":"#), (#""windows":"#, #""windows":-"#),
      (#""factor":1,"#, #""factor":1e30,"#), (#""lengths":["#, #""lengths":[7,"#),
    ] {
      let changed = text.replacing(old, with: new)
      #expect(changed != text, "\(old)")
      damaged.append(changed)
    }
    for text in damaged {
      try Data(text.utf8).write(to: folder.file("probe.json"))
      let log = try RunLog.read(folder: folder.url)
      #expect(log.probe == nil && log.damagedEvaluations == ["probe.json"], "\(text.prefix(200))")
      #expect(throws: RecordsError.self) { try ProbeFile.write(whole, to: folder.url) }
      #expect(try folder.text("probe.json") == text)
    }
  }
}
