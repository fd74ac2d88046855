import Configuration
import Foundation
import JSON
import Runs
import Synchronization
import TestSupport
import Testing
import Training

/// A steady step allocates nothing. Every test here runs in its own process, without other allocations.
@Suite(.serialized) struct AllocationTests {
  /// The number of warm-up steps, and of the steps observed after them.
  static let steady = 200
  static let watched = 300

  /// Twenty layers like the benchmark's, small enough to be quick.
  static let settings = [
    "model.depth=20", "data.batch_size=32", "training.micro_batches=4", #"clipping={"type":"global_norm"}"#,
    "training.duration=\"\(steady + watched + 50) steps\"", "training.validate_every=\"1000000 steps\"",
    "norms.activations_every=\"1000000 steps\"",
  ]

  @Test func theCounterCounts() async {
    await #expect(processExitsWith: .success) {
      var (before, after) = (CountedAllocations(), CountedAllocations())
      before.take()
      let arrays = (0..<1_000).map { [Int](repeating: $0, count: 100) }
      after.take()
      let counted = after.since(before).values.reduce(0) { $0 + $1.own }
      #expect(arrays.count == 1_000 && counted == 1_001, "\(counted)")
    }
  }

  @Test func lanesLoaderAndOptimizerAllocateNothing() async {
    await #expect(processExitsWith: .success) {
      try await expectNoAllocations(configuration(AllocationTests.settings), lanes: 2)
    }
  }

  @Test func otherOptimizersAndPrecisionsAllocateNothing() async {
    await #expect(processExitsWith: .success) {
      for change in [
        ["training.precision=bfloat16", "training.ema.decay=0.9", #"clipping={"type":"per_tensor"}"#],
        [#"optimizer={"type":"sgd","momentum":0.9}"#, "model.normalization=batch", "model.dropout=0.1"],
        [#"optimizer={"type":"rmsprop"}"#, #"schedule={"type":"cosine","warmup":"9 steps"}"#, "model.residual=true"],
        [#"optimizer={"type":"lion"}"#, #"clipping={"type":"adaptive"}"#, "model.normalization=layer"],
      ] {
        try await expectNoAllocations(configuration(AllocationTests.settings + change), lanes: 2)
      }
    }
  }

  @Test func convolutionsAllocateNothing() async {
    await #expect(processExitsWith: .success) {
      for precision in ["float32", "bfloat16"] {
        try await expectNoAllocations(
          configuration(
            AllocationTests.settings.filter { !$0.hasPrefix("model") } + convolutional + [
              "training.precision=\(precision)"
            ]), lanes: 2)
      }
    }
  }

  /// - Parameter run: the settings of data and model.
  private static func expectNone(_ run: [String]) async throws {
    let others = settings.filter { !$0.hasPrefix("model") && !$0.hasPrefix("data") }
    for precision in ["float32", "bfloat16"] {
      try await expectNoAllocations(configuration(others + run + ["training.precision=\(precision)"]), lanes: 2)
    }
  }

  @Test func sequencesAllocateNothing() async {
    await #expect(processExitsWith: .success) {
      for run in SequenceRun.allCases { try await AllocationTests.expectNone(run.settings) }
    }
  }

  @Test func denoisingAllocatesNothing() async {
    await #expect(processExitsWith: .success) {
      for run in DiffusionRun.allCases { try await AllocationTests.expectNone(run.settings) }
    }
  }

  @Test func augmentationAllocatesNothing() async {
    await #expect(processExitsWith: .success) {
      let data =
        #"data={"type":"noise","count":300,"shape":[8,8,3],"classes":4,"batch_size":32,"validation_count":37,"#
        + #""standardize":true,"mixup":{"alpha":0.4},"cutmix":{},"augmentation":["#
        + #"{"type":"random_crop","padding":2},{"type":"horizontal_flip"},{"type":"vertical_flip"},"#
        + #"{"type":"rotation","degrees":30},{"type":"cutout","size":2},{"type":"center_crop","size":7},"#
        + #"{"type":"color_jitter","brightness":0.3,"contrast":0.3,"saturation":0.3,"hue":0.1},"#
        + #"{"type":"random_resized_crop","size":6},{"type":"resize","size":[5,7]}]}"#
      try await expectNoAllocations(configuration(AllocationTests.settings + [data]), lanes: 2)
    }
  }

  @Test func profilesAllocateNothing() async {
    await #expect(processExitsWith: .success) {
      try await expectNoAllocations(configuration(AllocationTests.settings), lanes: 2, profiledFrom: 300)
    }
  }

  @Test func recordingAllocatesLittle() async {
    await #expect(processExitsWith: .success) {
      let scratch = try TemporaryFolder()
      try await expectNoAllocations(
        configuration(AllocationTests.settings), lanes: 1, folder: scratch.folder("run"), perRecordedStep: 0.05)
    }
  }
}

/// Trains, and counts the allocations of each stage's thread in the steady part of the run.
///
/// oneDNN builds a hash table of a product's arguments in every `dnnl_primitive_execute`; its allocations are counted
/// separately.
///
/// - Parameters:
///   - perRecordedStep: the average number of allocations of the recorder, if there is a folder.
///   - step: the first step of a profile; nil for none.
private func expectNoAllocations(
  _ json: JSON, lanes: Int, folder: URL? = nil, perRecordedStep: Double = 0, profiledFrom step: Int? = nil,
  location: SourceLocation = #_sourceLocation
) async throws {
  #expect(CountedAllocations.countApart(library: "libdnnl"), sourceLocation: location)
  let model = try Trial(json: json, lanes: lanes).model()
  model.initialize()
  if let folder { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }
  let looks = Mutex(
    (first: CountedAllocations(), last: CountedAllocations(), counts: [String: CountedAllocations.Count]()))
  let (steady, watched) = (AllocationTests.steady, AllocationTests.watched)
  let profile = step.map { StepProfile(model.plan, from: $0) }
  let run = TrainingRun(
    model: model, folder: folder, start: .init(state: RunState(), isResumed: false), profile: profile
  ) { progress in
    guard case .step(let record, _) = progress else { return }
    if record.step == steady { looks.withLock { $0.first.take() } }
    if record.step == steady + watched {
      looks.withLock {
        $0.last.take()
        $0.counts = $0.last.since($0.first)
      }
    }
  }
  let result = try await run.run()
  #expect(result.outcome == .finished, sourceLocation: location)
  if let profile { #expect(profile.lanes.allSatisfy { !$0.all.isEmpty }, sourceLocation: location) }
  let counts = looks.withLock { $0.counts }
  for name in (0..<lanes).map({ "lane \($0)" }) + ["loader"] {
    let count = try #require(counts[name], "\(counts)", sourceLocation: location)
    #expect(count.own == 0, "\(name): \(count.own) allocations in \(watched) steps", sourceLocation: location)
  }
  // Other threads allocate nothing either: a step that passed through the cooperative pool would show here.
  let others = counts.filter { !["loader", "recorder"].contains($0.key) && !$0.key.hasPrefix("lane") }
  #expect(others.values.allSatisfy { $0.own == 0 }, "\(others)", sourceLocation: location)
  let recorded = counts["recorder"]?.own ?? 0
  if folder != nil {
    #expect(Double(recorded) <= perRecordedStep * Double(watched), "recorder: \(recorded)", sourceLocation: location)
  }
}
