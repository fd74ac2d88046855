import Configuration
import Data
import Inference
import Runs
import Synchronization
import Tensors
import Testing
import Training

/// Samples that count their reads.
private final class CountedSamples: SampleSource {
  let samples: MemorySamples
  private let reads: Mutex<[Int]>

  init(count: Int) {
    let stream = RandomStream(seed: 9, purpose: .checking)
    samples = MemorySamples(
      name: "counted", count: count,
      columns: [
        .init(
          SampleField(name: SampleField.input, shape: TensorShape([12]), type: .float32),
          .floats((0..<count * 12).map { stream.normal($0) })),
        .init(
          SampleField(name: SampleField.target, shape: .scalar, type: .int32, classCount: 4),
          .integers((0..<count).map { Int32($0 % 4) })),
      ])
    reads = Mutex([Int](repeating: 0, count: count))
  }

  var name: String { samples.name }
  var count: Int { samples.count }
  var fields: [SampleField] { samples.fields }
  var residentBytes: Int { samples.residentBytes }
  var fingerprint: String { samples.fingerprint }

  func read(_ index: Int, _ reading: Reading, field: Int, into output: TensorSlice) {
    if field == 0 { reads.withLock { $0[index] += 1 } }
    samples.read(index, reading, field: field, into: output)
  }

  func takeReads(of set: SampleSet) -> [Int] {
    reads.withLock { reads in
      let counts = (0..<set.count).map { reads[set[$0]] }
      for index in reads.indices { reads[index] = 0 }
      return counts
    }
  }
}

/// Samples whose files become unreadable after some reads.
private final class FadingSamples: SampleSource {
  private let samples: MemorySamples
  private let left: Mutex<Int>

  init(_ samples: MemorySamples, reads: Int) {
    self.samples = samples
    left = Mutex(reads)
  }

  var name: String { samples.name }
  var count: Int { samples.count }
  var fields: [SampleField] { samples.fields }
  var residentBytes: Int { samples.residentBytes }
  var fingerprint: String { samples.fingerprint }
  var readsFiles: Bool { true }
  var failure: DataError? {
    left.withLock { $0 } < 0 ? DataError("a.tar", at: "b/7.jpg", expected: "an image", found: "none") : nil
  }

  func read(_ index: Int, _ reading: Reading, field: Int, into output: TensorSlice) {
    left.withLock { $0 -= 1 }
    samples.read(index, reading, field: field, into: output)
    if failure != nil { output.zero() }
  }
}

@Suite(.serialized) struct EvaluationTests {
  @Test(arguments: [1, 7, 8, 9, 23, 24, 25, 100], [1, 3])
  func readsEverySampleOnce(count: Int, microBatches: Int) async throws {
    let samples = CountedSamples(count: 60 + count)
    let json = try configuration("data.validation_count=\(count)", "training.micro_batches=\(microBatches)")
    var results: [(loss: Double, accuracy: Double?)] = []
    for lanes in [1, 2, 3, 5] {
      let model = try Trial(json: json, samples: samples, lanes: lanes).model()
      model.initialize()
      let set = model.data.splits.validation
      let evaluation = Evaluation(
        set, split: "validation", of: model.plan, after: 0, usesAverage: false, judges: false)
      _ = samples.takeReads(of: set)
      evaluation.run(model.plan, model.state)
      #expect(samples.takeReads(of: set) == [Int](repeating: 1, count: count))
      let validation = SplitScore(evaluation, of: model.plan)
      #expect(validation.count == count)
      results.append((validation.loss, validation.accuracy))
    }
    #expect(results.allSatisfy { $0 == results[0] })
  }

  /// The mean is over samples, not over batches of different sizes.
  @Test func theMeanDoesNotDependOnTheBatches() async throws {
    var losses: [Double] = []
    for batch in [1, 8, 24, 48] {
      let json = try configuration(
        "data.batch_size=\(batch)", "training.micro_batches=1", #"training.duration="0 steps""#)
      let completed = try await Trial(json: json).run()
      let validation = try #require(completed.result.validation)
      #expect(validation.count == 37)
      losses.append(validation.loss)
    }
    for loss in losses { #expect(abs(loss - losses[0]) < 1e-6 * losses[0]) }
  }

  /// Running statistics are averaged by the same rule as parameters.
  @Test func runningStatisticsAreAveraged() async throws {
    let json = try configuration(
      #"model.normalization="batch""#, #"training.duration="3 steps""#, #"training.ema={"decay": 0.5, "warmup": false}"#
    )
    func runningMean(_ group: String, of completed: CompletedRun) throws -> [Float] {
      let tensor = try #require(
        completed.model.checkpointTensors.first { $0.path.hasPrefix(group) && $0.path.hasSuffix("running_mean") })
      return withExtendedLifetime(completed.model) { tensor.slice.floats.indices.map { tensor.slice.floats[$0] } }
    }
    var average: [Float] = []
    for step in 1...3 {
      let completed = try await Trial(json: json, stopAfter: step).run()
      let running = try runningMean("buffers/", of: completed)
      average = running.indices.map { index in
        let old = average.isEmpty ? 0 : average[index]
        return old + 0.5 * (running[index] - old)
      }
      #expect(try runningMean("ema/", of: completed) == average && running != average)
    }
  }

  @Test func trainingReadsEverySampleOncePerEpoch() async throws {
    let samples = CountedSamples(count: 77)
    let json = try configuration(
      "data.batch_size=7", "training.micro_batches=7", "data.validation_count=0", #"training.duration="3 epochs""#)
    for lanes in 1...3 {
      let completed = try await Trial(json: json, samples: samples, lanes: lanes).run()
      #expect(completed.result.state.step == 33)
      // The loader is a few micro-batches ahead when the run ends.
      let reads = samples.takeReads(of: SampleSet(0..<77))
      #expect(reads.allSatisfy { $0 == 3 || $0 == 4 } && reads.reduce(0, +) <= 3 * 77 + lanes * 9)
    }
  }

  /// Several readers give the bits of one, and unreadable samples change no parameter.
  @Test func samplesThatCannotBeReadEndTheRun() async throws {
    let samples = CountedSamples(count: 300).samples
    let json = try configuration()
    let plain = try await Trial(json: json, samples: samples).run()
    let shared = try await Trial(json: json, samples: FadingSamples(samples, reads: .max)).run()
    #expect(shared.digests == plain.digests && shared.result.outcome == .finished)
    for reads in [0, 30, 500] {
      let completed = try await Trial(json: json, samples: FadingSamples(samples, reads: reads)).run()
      guard case .failed(let reason) = completed.result.outcome else {
        Issue.record("the run ended with \(completed.result.outcome)")
        continue
      }
      #expect(reason.contains("b/7.jpg") && !reason.contains("\n"), "\(reason)")
      #expect(completed.losses == Array(plain.losses.prefix(completed.losses.count)) && completed.losses.count < 20)
    }
  }
}
