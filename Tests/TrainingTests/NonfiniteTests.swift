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

/// Numbers that are not finite never reach a parameter, whatever the policy.
@Suite(.serialized) struct NonfiniteTests {
  private static let batch = 24
  /// The batch (from 0) of every epoch of ten that has a NaN in it.
  private static let badBatch = 4

  /// The noise of the usual configuration, unshuffled, with a NaN or a number that overflows in one sample.
  private func samples(_ value: Float) -> MemorySamples {
    let count = 240
    let stream = RandomStream(seed: 5, purpose: .checking)
    var inputs = (0..<count * 12).map { stream.normal($0) }
    inputs[(Self.badBatch * Self.batch + 7) * 12 + 3] = value
    return MemorySamples(
      name: "planted", count: count,
      columns: [
        .init(SampleField(name: SampleField.input, shape: TensorShape([12]), type: .float32), .floats(inputs)),
        .init(
          SampleField(name: SampleField.target, shape: .scalar, type: .int32, classCount: 4),
          .integers((0..<count).map { Int32($0 % 4) })),
      ])
  }

  private func trial(
    _ overrides: [String], value: Float = .nan, lanes: Int = 2, folder: URL? = nil, stopAfter: Int? = nil
  ) throws -> Trial {
    let usual = ["data.count=240", "data.validation_count=0", "data.shuffle=false", #"training.duration="20 steps""#]
    return Trial(
      json: try configuration(usual + overrides), samples: samples(value), lanes: lanes, folder: folder,
      stopAfter: stopAfter)
  }

  private func expectFinite(_ model: RunModel) {
    for tensor in model.checkpointTensors {
      let values = tensor.slice.array
      #expect(!values.contains { !$0.isFinite }, "\(tensor.path)")
    }
  }

  // MARK: abort

  @Test(arguments: [Float.nan, .infinity], ["relu", "sigmoid", "gelu"])
  func abortNamesStepAndLayerAndKeepsEverything(value: Float, activation: String) async throws {
    let scratch = try TemporaryFolder()
    let settings = [#"checkpoints.every="1 step""#, "model.activation=\(activation)"]
    let completed = try await trial(settings, value: value, folder: scratch.folder("run")).run()
    guard case .diverged(let reason) = completed.result.outcome else {
      Issue.record("the run ended with \(completed.result.outcome)")
      return
    }
    #expect(reason.contains("step 5") && reason.contains("hidden.0.weight"), "\(reason)")
    #expect(!reason.contains("\n"))
    #expect(completed.result.state.step == 4 && completed.log.steps.count == 4)
    expectFinite(completed.model)
    let before = try await trial(settings, value: value, folder: nil, stopAfter: 4).run()
    #expect(before.result.outcome == .interrupted(SIGINT))
    #expect(completed.digests == before.digests)
    let newest = try #require(try CheckpointFolder(scratch.folder("run")).newestGood())
    #expect(newest.step == 4)
    _ = try CheckpointFile.read(at: newest.url, into: before.model.checkpointTensors)
    #expect(completed.digests == before.digests)
  }

  /// The reason names the step at which the gradients explode.
  @Test func abortsWhenTheRateIsTooHigh() async throws {
    let scratch = try TemporaryFolder()
    let json = try configuration(#"optimizer={"type":"sgd","learning_rate":1e6}"#, #"checkpoints.every="1 step""#)
    let completed = try await session(json, scratch.folder("run"), lanes: 2)
    guard case .diverged(let reason) = completed.result.outcome else {
      Issue.record("the run ended with \(completed.result.outcome)")
      return
    }
    #expect(reason.hasPrefix("step \(completed.result.state.step + 1): "), "\(reason)")
    #expect(try RunLog.read(folder: scratch.folder("run")).events.last?.text == reason)
  }

  // MARK: skip

  private static let skipping = [
    "training.on_nonfinite=skip", "training.max_skipped=2", #"training.duration="35 steps""#,
  ]

  @Test func skipOmitsUpdatesUpToItsLimit() async throws {
    let scratch = try TemporaryFolder()
    let completed = try await trial(Self.skipping + ["training.ema.decay=0.9"], folder: scratch.folder("run")).run()
    guard case .diverged(let reason) = completed.result.outcome else {
      Issue.record("the run ended with \(completed.result.outcome)")
      return
    }
    #expect(reason.hasPrefix("step 25: ") && reason.contains("max_skipped"), "\(reason)")
    #expect(completed.result.state.skippedUpdates == 2)
    #expect(completed.log.events.filter { $0.kind == .skippedNonfinite }.map(\.step) == [4, 14])
    #expect(completed.log.steps.map(\.step) == Array(1...24))
    expectFinite(completed.model)
    // A skipped step changes nothing, and its norms show it.
    let norms = try RunLog.read(folder: scratch.folder("run")).norms
    let skipped = try #require(norms.first { $0.step == 5 }).tensors
    #expect(skipped.allSatisfy { $0.updateL2 == 0 && $0.updateMax == 0 })
    #expect(skipped[0].gradientNonfinite > 0)
    #expect(skipped.map(\.parameterL2) == norms.first { $0.step == 4 }?.tensors.map(\.parameterL2))
  }

  @Test func skippedUpdatesAreCountedAcrossAStop() async throws {
    let scratch = try TemporaryFolder()
    let whole = try await trial(Self.skipping, folder: scratch.folder("whole")).run()
    _ = try await trial(Self.skipping, folder: scratch.folder("parts"), stopAfter: 9).run()
    let resumed = try await trial(Self.skipping, lanes: 1, folder: scratch.folder("parts")).resume()
    #expect(resumed.result.outcome == whole.result.outcome)
    #expect(resumed.state == whole.state && resumed.digests == whole.digests)
  }

  // MARK: roll back

  private static let rollingBack = ["training.on_nonfinite=roll_back", #"checkpoints.every="2 steps""#]

  @Test func rollBackContinuesAfterTheBadBatch() async throws {
    let scratch = try TemporaryFolder()
    let folder = scratch.folder("run")
    let completed = try await trial(Self.rollingBack + [#"checkpoints.every="3 steps""#], folder: folder).run()
    #expect(completed.result.outcome == .finished)
    // Batch 4 rolls back to step 3, batch 14 (of step 13, as 1 was skipped) to step 12.
    #expect(completed.result.state.rollBacks == 2)
    #expect(completed.result.state.step == 20)
    #expect(completed.log.events.filter { $0.kind == .rolledBack }.map(\.step) == [3, 12])
    expectFinite(completed.model)
    let log = try RunLog.read(folder: folder)
    #expect(log.steps.map(\.step) == Array(1...20))
    #expect(log.norms.map(\.step) == Array(1...20))
    #expect(log.damagedLines == 0)
    let newest = try #require(try CheckpointFolder(folder).newestGood())
    #expect(try newest.metadata.runState(of: newest.url).rollBacks == 2)
  }

  @Test func rollBackSurvivesAStop() async throws {
    let scratch = try TemporaryFolder()
    let whole = try await trial(Self.rollingBack, folder: scratch.folder("whole")).run()
    _ = try await trial(Self.rollingBack, folder: scratch.folder("parts"), stopAfter: 7).run()
    let resumed = try await trial(Self.rollingBack, lanes: 3, folder: scratch.folder("parts")).resume()
    #expect(resumed.state == whole.state && resumed.digests == whole.digests)
  }

  @Test func rollBackGivesUpAtItsLimit() async throws {
    let scratch = try TemporaryFolder()
    let completed = try await trial(
      Self.rollingBack + ["training.max_roll_backs=1"], folder: scratch.folder("run")
    ).run()
    guard case .diverged(let reason) = completed.result.outcome else {
      Issue.record("the run ended with \(completed.result.outcome)")
      return
    }
    #expect(reason.contains("max_roll_backs"), "\(reason)")
    #expect(completed.result.state.rollBacks == 1)
  }

  /// Without a checkpoint it rolls back to the first parameters and optimizer state.
  @Test(arguments: [true, false])
  func rollBackToTheStartResetsEverything(hasFolder: Bool) async throws {
    let scratch = try TemporaryFolder()
    let settings = ["training.on_nonfinite=roll_back", #"training.duration="8 steps""#, "training.ema.decay=0.9"]
    // Parameters that are not those of the seed, as after --init-from.
    func shift(_ model: RunModel) {
      guard hasFolder else { return }
      var values = model.state.parameters.all(as: .float32).mutableFloats
      for index in values.indices { values[index] *= 0.5 }
      model.adoptParameters()
    }
    var rolled = try trial(settings, folder: hasFolder ? scratch.folder("run") : nil)
    rolled.prepare = shift
    let completed = try await rolled.run()
    #expect(completed.result.outcome == .finished && completed.result.state.rollBacks == 1)
    var fresh = try trial(settings)
    fresh.prepare = shift
    fresh.state = RunState()
    fresh.state?.cursor = Self.badBatch + 1
    let expected = try await fresh.run()
    #expect(completed.digests == expected.digests)
  }

  /// Without a good checkpoint, it reads the file of the first parameters again.
  @Test func rollBackToTheStartReadsTheFirstParametersAgain() async throws {
    let scratch = try TemporaryFolder()
    let settings = ["training.on_nonfinite=roll_back", #"training.duration="8 steps""#]
    let file = scratch.url.appending(path: "first.safetensors")
    let other = try trial(settings + ["seed=77"]).model()
    other.initialize()
    _ = try other.state.export(to: file, step: 0)
    var rolled = try trial(settings)
    rolled.initialParameters = file.path
    rolled.prepare = { try $0.load(parametersFrom: file) }
    let completed = try await rolled.run()
    #expect(completed.result.outcome == .finished && completed.result.state.rollBacks == 1)
    var fresh = try trial(settings)
    fresh.prepare = rolled.prepare
    fresh.state = RunState()
    fresh.state?.cursor = Self.badBatch + 1
    #expect(try await fresh.run().digests == completed.digests)
    rolled.prepare = { try $0.load(parametersFrom: file) }
    rolled.initialParameters = scratch.url.appending(path: "gone.safetensors").path
    guard case .failed(let reason) = try await rolled.run().result.outcome else {
      Issue.record("rolled back to a file that is not there")
      return
    }
    #expect(reason.contains("rolling back failed") && reason.contains("gone.safetensors"), "\(reason)")
  }
}
