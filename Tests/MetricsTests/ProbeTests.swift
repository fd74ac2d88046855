import FoundationEssentials
import Metrics
import Reports
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

  /// A long reach is thinned, so that pages of many runs stay small.
  @Test func reportShowsTheProbe() throws {
    var logs = [RunLog](repeating: try RunLog.read(folder: folder.url), count: 12)
    for index in logs.indices { logs[index].probe = .fake(of: "run", length: 20_000, decay: 0.9) }
    try Report.write(runs: logs, to: folder.file("report.html"))
    let page = try folder.text("report.html")
    #expect(page.utf8.count < 700_000)
    #expect(page.contains(#""probe":{"step":600,"training_length":20000"#) && page.contains(#""factor":4,"#))
    #expect(page.contains(#""clock":{"x":[1,2,3]"#))
  }
}

extension ProbeRecord {
  /// What a model whose gradients fade by a factor a token would have left.
  static func fake(of run: String, position: String? = nil, length: Int = 64, decay: Double = 0.99) -> ProbeRecord {
    var probe = ProbeRecord(run: run, step: 600, trainingLength: length, position: position)
    probe.stepTimes = StepTimes(
      precision: "float32", lanes: 2,
      points: (0..<5).map { .init(length: 64 << $0, rows: 64 >> $0, milliseconds: 40.5 + Double(1 << $0)) })
    var size = 1.0
    probe.reach = Reach(
      windows: 64,
      norms: [1.0]
        + (1..<length).map { _ in
          size *= decay
          return size
        })
    probe.lengths = [1, 2, 4].map { factor in
      position == "learned" && factor > 1
        ? LengthLoss(factor: factor, places: length)
        : LengthLoss(
          factor: factor, tokens: 1000, loss: 1.75 + Double(factor) / 8, lossBeyond: factor > 1 ? 2.5 : nil)
    }
    return probe
  }
}
