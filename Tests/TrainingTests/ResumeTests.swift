import Checkpoints
import Configuration
import Diagnostics
import Foundation
import JSON
import Metrics
import Tensors
import TestSupport
import Testing

/// N + M steps with a stop in between equal N + M steps without one in every bit of every tensor, number and state.
@Suite(.serialized) struct ResumeTests {
  private func expectEqual(
    _ json: JSON, stops: [Int], location: SourceLocation = #_sourceLocation
  ) async throws {
    let scratch = try TemporaryFolder()
    let whole = try await session(json, scratch.folder("whole"), lanes: 2)
    var parts: CompletedRun?
    for (index, stop) in (stops + [nil]).enumerated() {
      parts = try await session(
        json, scratch.folder("parts"), index == 0 ? .new : .resume, lanes: [2, 1, 3, 2][index % 4], stopAfter: stop)
      if stop != nil { #expect(parts?.result.outcome == .interrupted(SIGINT), sourceLocation: location) }
    }
    let last = try #require(parts)
    #expect(last.result.outcome == whole.result.outcome, sourceLocation: location)
    #expect(last.state == whole.state, sourceLocation: location)
    let (mine, theirs) = (last.digests, whole.digests)
    let different = theirs.filter { mine[$0.key] != $0.value }.keys.sorted()
    #expect(different == [], sourceLocation: location)
    try expectEqualRecords(scratch.folder("whole"), scratch.folder("parts"), location)
  }

  private func expectEqualRecords(_ whole: URL, _ parts: URL, _ location: SourceLocation) throws {
    let (a, b) = (try RunLog.read(folder: whole), try RunLog.read(folder: parts))
    #expect(a.steps.map(untimed) == b.steps.map(untimed), sourceLocation: location)
    #expect(a.norms == b.norms, sourceLocation: location)
    #expect(a.activations == b.activations, sourceLocation: location)
    #expect(a.validations == b.validations, sourceLocation: location)
    #expect(b.damagedLines == 0, sourceLocation: location)
  }

  private func untimed(_ record: StepRecord) -> StepRecord {
    var record = record
    record.samplesPerSecond = 0
    record.stepMilliseconds = 0
    return record
  }

  @Test(arguments: [
    #"{"type":"sgd"}"#, #"{"type":"sgd","momentum":0.9,"nesterov":true}"#, #"{"type":"adam","weight_decay":0.1}"#,
    #"{"type":"adamw"}"#, #"{"type":"rmsprop"}"#, #"{"type":"rmsprop","momentum":0.5,"centered":true}"#,
    #"{"type":"lion"}"#,
  ])
  func everyOptimizerResumes(optimizer: String) async throws {
    let json = try configuration(
      "optimizer=\(optimizer)", #"training.duration="23 steps""#, "model.dropout=0.2", "model.normalization=batch",
      "training.ema.decay=0.95", "training.micro_batches=3", #"clipping={"type":"global_norm","threshold":0.1}"#)
    try await expectEqual(json, stops: [13])
  }

  @Test(arguments: ["float32", "bfloat16"])
  func convolutionsResume(precision: String) async throws {
    let json = try configuration(
      convolutional + [
        #"training.duration="23 steps""#, "training.micro_batches=3", "training.precision=\(precision)",
        #"training.validate_every="4 steps""#,
      ])
    try await expectEqual(json, stops: [13])
  }

  @Test(arguments: [
    #"{"type":"constant"}"#, #"{"type":"linear_warmup","warmup":"15 steps"}"#, #"{"type":"cosine","warmup":"3 steps"}"#,
    #"{"type":"linear"}"#, #"{"type":"polynomial","power":2}"#, #"{"type":"step","every":"6 steps","gamma":0.5}"#,
    #"{"type":"inverse_square_root","warmup":"4 steps"}"#, #"{"type":"warm_restarts","period":"7 steps"}"#,
    #"{"type":"warmup_stable_decay","warmup":"2 steps"}"#,
    #"{"type":"reduce_on_plateau","factor":0.5,"patience":1,"threshold":0.5,"cooldown":1}"#,
    #"{"type":"reduce_on_plateau","factor":0.5,"patience":0,"monitor":"validation.accuracy"}"#,
  ])
  func everyScheduleResumes(schedule: String) async throws {
    let json = try configuration(
      "schedule=\(schedule)", #"training.duration="23 steps""#, #"training.validate_every="2 steps""#)
    try await expectEqual(json, stops: [7, 16])
  }

  @Test func bfloat16Resumes() async throws {
    let json = try configuration(
      "training.precision=bfloat16", "training.ema.decay=0.9", #"training.duration="15 steps""#)
    try await expectEqual(json, stops: [4, 5, 11])
  }

  /// An evaluation that a stop skipped is made when the run resumes.
  @Test(arguments: [10, 9, 11, 20])
  func stopsAtAnEvaluationResume(stop: Int) async throws {
    let json = try configuration(
      #"training.duration="25 steps""#,
      #"schedule={"type":"reduce_on_plateau","factor":0.5,"patience":0,"threshold":0.5}"#,
      "training.early_stopping.patience=5", #"training.validate_every="5 steps""#, #"checkpoints.every="10 steps""#,
      "checkpoints.keep_best=2")
    try await expectEqual(json, stops: [stop])
  }

  @Test func earlyStoppingResumes() async throws {
    let json = try configuration(
      "training.early_stopping.patience=4", "training.early_stopping.min_delta=0.5",
      #"training.duration="40 steps""#, #"training.validate_every="3 steps""#)
    try await expectEqual(json, stops: [7, 10])
    let scratch = try TemporaryFolder()
    let stopped = try await session(json, scratch.folder("run"))
    #expect(stopped.result.outcome == .stoppedEarly && stopped.result.state.step == 15)
    // A resumed run stays stopped.
    let again = try await session(json, scratch.folder("run"), .resume)
    #expect(again.result.outcome == .stoppedEarly && again.state == stopped.state && again.digests == stopped.digests)
  }

  @Test(arguments: ["1 step", "4 steps", "5 steps", "10 steps"], ["4 steps", "5 steps", "1 epoch"])
  func finishedRunsDoNotChange(saves: String, evaluates: String) async throws {
    let scratch = try TemporaryFolder()
    let json = try configuration(
      #"training.duration="12 steps""#, "checkpoints.every=\"\(saves)\"", "training.validate_every=\"\(evaluates)\"")
    let whole = try await session(json, scratch.folder("run"))
    #expect(whole.result.outcome == .finished)
    let files = try CheckpointFolder(scratch.folder("run")).all()
    for _ in 0..<2 {
      let again = try await session(json, scratch.folder("run"), .resume, lanes: 2)
      #expect(again.result.outcome == .finished, "\(again.result.outcome)")
      #expect(again.state == whole.state && again.digests == whole.digests)
      #expect(try CheckpointFolder(scratch.folder("run")).all() == files)
      #expect(again.result.validation?.loss == whole.result.validation?.loss)
      let steps = try RunLog.read(folder: scratch.folder("run")).validations.map(\.step)
      #expect(steps == whole.log.validations.map(\.step))
    }
  }

  /// A run stopped at its last step is evaluated when it is opened again, and the evaluation is recorded once.
  @Test func aSkippedLastEvaluationIsRecordedOnce() async throws {
    let scratch = try TemporaryFolder()
    let json = try configuration(#"training.duration="12 steps""#)
    let stopped = try await session(json, scratch.folder("run"), stopAfter: 12)
    #expect(stopped.result.outcome == .finished && stopped.log.validations.map(\.step) == [10])
    for _ in 0..<3 {
      let again = try await session(json, scratch.folder("run"), .resume)
      #expect(again.result.outcome == .finished && again.digests == stopped.digests)
      #expect(try RunLog.read(folder: scratch.folder("run")).validations.map(\.step) == [10, 12])
      #expect(try tensorBoardPoints(tag: "loss/validation", in: scratch.folder("run")) == 2)
    }
  }

  private func tensorBoardPoints(tag: String, in folder: URL) throws -> Int {
    try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
      .filter { $0.lastPathComponent.hasPrefix("events.") }
      .map { String(decoding: try Data(contentsOf: $0), as: UTF8.self).components(separatedBy: tag).count - 1 }
      .reduce(0, +)
  }

  @Test func aRunCanStopAgainBeforeAStep() async throws {
    let scratch = try TemporaryFolder()
    let json = try configuration(#"training.duration="12 steps""#)
    _ = try await session(json, scratch.folder("run"), stopAfter: 5)
    let again = try await session(json, scratch.folder("run"), .resume, stopAfter: 5)
    #expect(again.result.outcome == .interrupted(SIGINT), "\(again.result.outcome)")
    #expect(again.result.state.step == 5)
  }

  @Test func resumeProofsAreEqual() async throws {
    let proof = try await ResumeProof.run(
      configuration("model.dropout=0.1", "model.normalization=batch"), stopAt: 7, steps: 18, lanes: 2, say: { _ in })
    #expect(proof.isEqual, "\(proof.description)")
    #expect(proof.steps == 18 && proof.stoppedAt == 7)
  }
}
