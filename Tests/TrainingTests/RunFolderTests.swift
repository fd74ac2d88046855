import Checkpoints
import Configuration
import Data
import Foundation
import Metrics
import Runs
import Tensors
import TestSupport
import Testing
import Training

/// The files of a run's folder, and the conditions for resuming it.
@Suite(.serialized) struct RunFolderTests {
  private func error(_ body: () async throws -> Void) async -> String {
    do {
      try await body()
      return ""
    } catch {
      return "\(error)"
    }
  }

  // MARK: Checkpoints

  @Test(arguments: ["validation.loss", "validation.accuracy"])
  func poolsKeepTheirCheckpoints(monitor: String) async throws {
    let scratch = try TemporaryFolder()
    let json = try configuration(
      #"training.duration="30 steps""#, #"training.validate_every="2 steps""#, #"checkpoints.every="2 steps""#,
      "checkpoints.keep_last=3", "checkpoints.keep_best=2", #"checkpoints.keep_every="8 steps""#,
      "checkpoints.monitor=\(monitor)", "optimizer.learning_rate=0.05")
    let completed = try await session(json, scratch.folder("run"), lanes: 2)
    let validations = completed.log.validations
    #expect(validations.map(\.step) == Array(stride(from: 2, through: 30, by: 2)))
    func isBetter(_ a: ValidationRecord, _ b: ValidationRecord) -> Bool {
      let (x, y) = monitor == "validation.loss" ? (a.loss, b.loss) : (-(a.accuracy ?? 0), -(b.accuracy ?? 0))
      return x < y || x == y && a.step < b.step
    }
    let best = validations.sorted(by: isBetter).prefix(2).map(\.step)
    #expect(completed.result.state.best.map(\.step) == best)
    let kept = Set([8, 16, 24] + best)
    let last = (1...15).map { $0 * 2 }.filter { !kept.contains($0) }.suffix(3)
    let files = try CheckpointFolder(scratch.folder("run")).all()
    #expect(files.map(\.step) == kept.union(last).sorted())
    for file in files { #expect(try CheckpointFile.verify(at: file.url).step == file.step) }
    let stored = try StoredRun(scratch.folder("run").path, .best, say: { _ in })
    #expect(stored.checkpoint.step == best[0])
    let evaluated = try stored.evaluate(split: "validation", lanes: 3)
    let recorded = try #require(validations.first { $0.step == best[0] })
    #expect(
      Float(evaluated.score.loss) == recorded.loss && evaluated.score.accuracy.map { Float($0) } == recorded.accuracy
        && evaluated.score.count == 37)
  }

  @Test func tensorsHaveTheNamesOfPyTorch() async throws {
    let scratch = try TemporaryFolder()
    let json = try configuration("model.normalization=batch", "training.ema.decay=0.9", #"training.duration="2 steps""#)
    let completed = try await session(json, scratch.folder("run"))
    let newest = try #require(try CheckpointFolder(scratch.folder("run")).newestGood())
    let shapes: [(String, [Int])] = [
      ("hidden.0.weight", [24, 12]), ("hidden.0.bias", [24]), ("hidden_norms.0.weight", [24]),
      ("hidden_norms.0.bias", [24]),
      ("hidden.1.weight", [24, 24]), ("hidden.1.bias", [24]), ("hidden_norms.1.weight", [24]),
      ("hidden_norms.1.bias", [24]),
      ("head.weight", [4, 24]), ("head.bias", [4]),
    ]
    var expected: [String: [Int]] = [:]
    for group in ["parameters", "optimizer/exp_avg", "optimizer/exp_avg_sq", "ema"] {
      for (name, shape) in shapes { expected["\(group)/\(name)"] = shape }
    }
    for layer in 0..<2 {
      for name in ["running_mean", "running_var"] {
        for group in ["buffers", "ema"] { expected["\(group)/hidden_norms.\(layer).\(name)"] = [24] }
      }
    }
    let found = Dictionary(uniqueKeysWithValues: newest.tensors.map { ($0.path, $0.shape.dimensions) })
    #expect(found == expected)
    #expect(
      newest.metadata.presentTexts.map(\.name) == ["build", "config", "data", "fields", "source_fields", "state"])
    // The export has the plain names of `load_state_dict`.
    let file = scratch.url.appending(path: "model.safetensors")
    #expect(try (completed.model.update.average ?? completed.model.state).export(to: file, step: 2) == 14)
    #expect(
      try Set(Safetensors.contents(at: file).entries.map(\.name))
        == Set(
          shapes.map(\.0) + (0..<2).flatMap { ["hidden_norms.\($0).running_mean", "hidden_norms.\($0).running_var"] }))
    let (other, same) = (
      try await session(json, scratch.folder("other"), stopAfter: 0, initialParameters: file.path),
      try await session(json, scratch.folder("same"), stopAfter: 0, initialParameters: newest.url.path)
    )
    #expect(same.model.parametersDigest == completed.model.parametersDigest)
    let average = try #require(completed.model.update.average)
    #expect(other.model.state.parameters.all(as: .float32).array == average.parameters.all(as: .float32).array)
  }

  // MARK: Damage

  @Test(arguments: ["flipped", "cut", "removed"])
  func aDamagedCheckpointIsPassedOver(damage: String) async throws {
    let scratch = try TemporaryFolder()
    let json = try configuration(#"training.duration="16 steps""#, #"checkpoints.every="4 steps""#)
    let whole = try await session(json, scratch.folder("whole"))
    _ = try await session(json, scratch.folder("run"), stopAfter: 11)
    let newest = try #require(try CheckpointFolder(scratch.folder("run")).all().last)
    #expect(newest.step == 11)
    var bytes = try Data(contentsOf: newest.url)
    switch damage {
    case "flipped":
      bytes[bytes.count / 2] ^= 4
      try bytes.write(to: newest.url)
    case "cut": try bytes.prefix(bytes.count - 100).write(to: newest.url)
    default: try FileManager.default.removeItem(at: newest.url)
    }
    var said: [String] = []
    let resumed = try await session(json, scratch.folder("run"), .resume, lanes: 2, say: { said.append($0) })
    #expect(said.contains { $0.contains("going on after step 8") }, "\(said)")
    if damage != "removed" { #expect(said.contains { $0.contains("step-00000011.h5 is passed over") }, "\(said)") }
    #expect(resumed.result.outcome == .finished)
    #expect(resumed.digests == whole.digests)
    #expect(try RunLog.read(folder: scratch.folder("run")).steps.map(\.step) == Array(1...16))
  }

  /// A run whose folder is removed ends with a reason, and does not hang.
  @Test func aFolderThatVanishesEndsTheRun() async throws {
    let scratch = try TemporaryFolder()
    let folder = scratch.folder("run")
    let json = try configuration(#"training.duration="1000 steps""#, #"checkpoints.every="50 steps""#)
    let session = try TrainingSession.prepare(json, runDirectory: folder.path, mode: .new, lanes: 2, say: { _ in })
    let result = try await session.run { progress in
      if case .step(let record, _) = progress, record.step == 60 { try? FileManager.default.removeItem(at: folder) }
    }
    guard case .failed(let reason) = result.outcome else {
      Issue.record("the run ended with \(result.outcome)")
      return
    }
    #expect(reason.contains("not saved") && reason.contains(folder.path) && !reason.contains("\n"), "\(reason)")
    #expect(result.state.step < 1000)
  }

  /// The records or the folder are removed, moved or replaced by a link: the run ends soon, not after hours.
  @Test(arguments: ["records removed", "records linked", "events removed", "folder moved", "folder linked"])
  func whatIsReplacedEndsTheRun(accident: String) async throws {
    let scratch = try TemporaryFolder()
    let folder = scratch.folder("run")
    let json = try configuration(
      #"training.duration="1000000 steps""#, #"checkpoints.every="1000 steps""#, #"norms.every="100000 steps""#)
    let session = try TrainingSession.prepare(json, runDirectory: folder.path, mode: .new, lanes: 2, say: { _ in })
    let result = try await session.run { progress in
      guard case .step(let record, _) = progress, record.step == 60 else { return }
      let files = FileManager.default
      switch accident {
      case "records removed", "records linked":
        try? files.removeItem(at: scratch.file("run/metrics.jsonl"))
        guard accident == "records linked" else { return }
        _ = try? scratch.write("mine", "mine")
        try? files.createSymbolicLink(at: scratch.file("run/metrics.jsonl"), withDestinationURL: scratch.file("mine"))
      case "events removed":
        for name in (try? scratch.names("run")) ?? [] where name.hasPrefix("events.") {
          try? files.removeItem(at: scratch.file("run/\(name)"))
        }
      default:
        try? files.moveItem(at: folder, to: scratch.folder("moved"))
        guard accident == "folder linked" else { return }
        try? files.createDirectory(at: scratch.folder("elsewhere"), withIntermediateDirectories: false)
        try? files.createSymbolicLink(at: folder, withDestinationURL: scratch.folder("elsewhere"))
      }
    }
    guard case .failed(let reason) = result.outcome else {
      Issue.record("the run ended with \(result.outcome)")
      return
    }
    #expect(reason.contains("removed or replaced") && !reason.contains("\n"), "\(reason)")
    if scratch.exists("mine") { #expect(try scratch.text("mine") == "mine") }
    if scratch.exists("elsewhere") { #expect(try scratch.names("elsewhere").isEmpty) }
  }

  @Test func aFolderThatIsALinkFromTheStartIsFine() async throws {
    let scratch = try TemporaryFolder()
    try FileManager.default.createDirectory(at: scratch.folder("large"), withIntermediateDirectories: false)
    try FileManager.default.createSymbolicLink(at: scratch.file("run"), withDestinationURL: scratch.folder("large"))
    let played = try await session(configuration(#"training.duration="6 steps""#), scratch.folder("run"))
    #expect(played.result.outcome == .finished)
    #expect(try CheckpointFolder(scratch.folder("large")).newestGood()?.step == 6)
  }

  /// A link under a checkpoint's name is moved aside: nothing is written through it.
  @Test(arguments: [false, true]) func aLinkInACheckpointsPlaceIsMovedAside(dangles: Bool) async throws {
    let scratch = try TemporaryFolder()
    let folder = scratch.folder("run")
    let json = try configuration(#"training.duration="8 steps""#, #"checkpoints.every="4 steps""#)
    let session = try TrainingSession.prepare(json, runDirectory: folder.path, mode: .new, lanes: 1, say: { _ in })
    if !dangles { try scratch.write("mine", "mine") }
    for name in ["step-00000004.h5", "step-00000004.h5.sha256"] {
      try FileManager.default.createSymbolicLink(
        at: scratch.file("run/\(name)"), withDestinationURL: scratch.file("mine"))
    }
    #expect(try await session.run { _ in }.outcome == .finished)
    #expect(scratch.exists("mine") != dangles)
    if !dangles { #expect(try scratch.text("mine") == "mine") }
    let file = scratch.file("run/step-00000004.h5")
    #expect(try CheckpointFile.verify(at: file).step == 4)
    #expect((try? FileManager.default.destinationOfSymbolicLink(atPath: file.path)) == nil)
  }

  @Test func runsWithoutAGoodCheckpointAreRefused() async throws {
    let scratch = try TemporaryFolder()
    let json = try configuration(#"training.duration="4 steps""#)
    _ = try await session(json, scratch.folder("run"))
    for file in try CheckpointFolder(scratch.folder("run")).all() { try Data([1, 2, 3]).write(to: file.url) }
    let text = await error { _ = try await session(json, scratch.folder("run"), .resume) }
    #expect(text.contains("no good checkpoint") && text.contains("--fresh") && !text.contains("\n"), "\(text)")
  }

  // MARK: Resuming

  @Test func otherDataAreRefused() async throws {
    let scratch = try TemporaryFolder()
    let file = scratch.url.appending(path: "table.csv")
    func write(_ first: Int) throws {
      let rows = (0..<60).map { "\($0 == 0 ? first : $0 * 7 % 13),\($0 * 5 % 11),\($0 % 3)" }
      try Data(("a,b,label\n" + rows.joined(separator: "\n") + "\n").utf8).write(to: file)
    }
    try write(5)
    let json = try configuration(
      #"data={"type":"csv","file":"\#(file.path)","batch_size":6,"standardize":true}"#, #"training.duration="12 steps""#
    )
    _ = try await session(json, scratch.folder("run"), stopAfter: 4)
    try write(6)
    let text = await error { _ = try await session(json, scratch.folder("run"), .resume) }
    #expect(text.contains("fingerprint") && !text.contains("\n"), "\(text)")
    try write(5)
    let resumed = try await session(json, scratch.folder("run"), .resume)
    #expect(resumed.result.outcome == .finished)
  }

  @Test(arguments: [
    ("optimizer.learning_rate=0.02", "optimizer.learning_rate"),
    ("optimizer.weight_decay=0.3", "optimizer.weight_decay"),
    ("model.width=25", "model.width"), ("seed=4", "seed"), ("training.micro_batches=4", "training.micro_batches"),
    (#"clipping={"type":"value"}"#, "clipping"), ("training.precision=bfloat16", "training.precision"),
    ("data.batch_size=12", "data.batch_size"),
  ])
  func otherSettingsAreRefused(change: String, path: String) async throws {
    let scratch = try TemporaryFolder()
    _ = try await session(configuration(), scratch.folder("run"), stopAfter: 3)
    let before = try String(contentsOf: scratch.folder("run").appending(path: "config.resolved.json"), encoding: .utf8)
    let text = await error { _ = try await session(configuration(change), scratch.folder("run"), .resume) }
    #expect(text.contains(path) && text.contains("--fresh") && !text.contains("\n"), "\(text)")
    let after = try String(contentsOf: scratch.folder("run").appending(path: "config.resolved.json"), encoding: .utf8)
    #expect(before == after)
  }

  @Test func aLongerRunIsTheSameRun() async throws {
    let scratch = try TemporaryFolder()
    let longer = try configuration(#"training.duration="26 steps""#, "checkpoints.keep_last=3")
    let whole = try await session(longer, scratch.folder("whole"))
    let short = try await session(configuration(#"training.duration="15 steps""#), scratch.folder("run"))
    #expect(short.result.outcome == .finished)
    let resumed = try await session(longer, scratch.folder("run"), .resume, lanes: 2)
    #expect(resumed.result.outcome == .finished && resumed.digests == whole.digests)
    let resolved = try RunFolder.configuration(of: scratch.folder("run"))
    #expect(resolved["training"]?["duration"]?.string == "26 steps")
  }

  @Test func aRunOfTheSameNameIsKept() async throws {
    let scratch = try TemporaryFolder()
    let folder = scratch.folder("run")
    let json = try configuration(#"training.duration="3 steps""#)
    let first = try await session(json, folder)
    let text = await error { _ = try await session(json, folder) }
    #expect(text.contains("--resume") && text.contains("--fresh"), "\(text)")
    var said: [String] = []
    for number in 1...2 {
      _ = try await session(json, folder, .fresh, say: { said.append($0) })
      let kept = scratch.folder("run.old-\(number)")
      #expect(said.last?.contains(kept.lastPathComponent) ?? false, "\(said)")
      let checkpoint = try #require(try CheckpointFolder(kept).newestGood())
      #expect(checkpoint.step == 3)
    }
    let old = try await session(json, scratch.folder("run.old-1"), .resume)
    #expect(old.digests == first.digests)
  }

  @Test func twoProcessesCannotTrainIntoOneFolder() async throws {
    let scratch = try TemporaryFolder()
    let folder = scratch.folder("run")
    let json = try configuration()
    let first = try TrainingSession.prepare(json, runDirectory: folder.path, mode: .new, lanes: 1, say: { _ in })
    for mode in [TrainingSession.Mode.resume, .fresh] {
      let text = await error { _ = try await session(json, folder, mode) }
      #expect(text.contains("another process") && !text.contains("\n"), "\(text)")
    }
    #expect(try await first.run { _ in }.outcome == .finished)
  }

  @Test(.timeLimit(.minutes(1)), arguments: [RunFiles.lock, RunFiles.resolvedConfiguration])
  func aPipeInARunFolderIsRefused(name: String) async throws {
    let scratch = try TemporaryFolder()
    let json = try configuration(#"training.duration="3 steps""#)
    _ = try await session(json, scratch.folder("run"))
    try FileManager.default.removeItem(at: scratch.file("run/\(name)"))
    scratch.makePipe("run/\(name)")
    let text = await error { _ = try await session(json, scratch.folder("run"), .resume) }
    #expect(text.contains("\(name): expected a regular file, found a pipe") && !text.contains("\n"), "\(text)")
  }

  @Test func aBrokenStandardizationIsRefused() throws {
    func read(_ text: String?) throws -> Standardization? {
      var metadata = CheckpointMetadata(step: 1)
      metadata.standardization = text
      return try metadata.standardization(of: URL(fileURLWithPath: "step-00000001.h5"))
    }
    #expect(try read(#"{"mean": [1, 2], "deviation": [3, 4]}"#)?.deviation == [3, 4])
    #expect(try read(nil) == nil)
    let broken = [
      #"{"mean": [1, "x", 2], "deviation": [3, 4]}"#, #"{"mean": [1, 2], "deviation": [3]}"#,
      #"{"mean": [1], "deviation": [0]}"#, #"{"mean": [], "deviation": []}"#, "{}",
    ]
    for text in broken {
      let error = #expect(throws: ConfigurationError.self, "\(text)") { try read(text) }
      #expect(error?.description.hasPrefix("step-00000001.h5: run/standardization: ") == true)
    }
  }
}
