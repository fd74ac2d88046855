import Configuration
import Data
import Tensors
import Testing

@Suite struct StandardizationTests {
  private func table(_ rows: [[Float]]) -> MemorySamples {
    let width = rows[0].count
    return MemorySamples(
      name: "t", count: rows.count,
      columns: [
        .init(
          SampleField(name: SampleField.input, shape: TensorShape([width]), type: .float32),
          .floats(rows.flatMap { $0 })),
        .init(
          SampleField(name: SampleField.target, shape: .scalar, type: .int32, classCount: 2),
          .integers(rows.map { _ in 1 })),
      ])
  }

  private func open(_ samples: MemorySamples, _ carried: Standardization? = nil, test: Int = 0) throws -> Dataset {
    var settings = CommonDataSettings.standardized
    settings.test = .count(test)
    return try Dataset(OpenedSamples(samples: samples), settings: settings, seed: 2, standardization: carried)
  }

  private func input(_ set: Dataset, _ sample: Int) -> [Float] {
    set.values(sample, 0)
  }

  @Test func standardizesEveryFeature() throws {
    let set = try open(table([[1, 100, 5, 1e6], [3, 300, 5, 1e6], [5, 500, 5, 1e6 + 0.0625]]))
    let moments = try #require(set.standardization)
    #expect(moments.mean[0] == 3)
    #expect(moments.mean[1] == 300)
    #expect(abs(moments.deviation[0] - (8.0 / 3).squareRoot()) < 1e-6)
    // Constant, or constant but for rounding: 0 and not a division by next to nothing.
    #expect(moments.deviation[2] == 1 && moments.deviation[3] == 1)
    let z = input(set, 2)
    #expect(abs(z[0] - 1.2247449) < 1e-5 && abs(z[1] - 1.2247449) < 1e-5 && z[2] == 0 && abs(z[3]) < 0.1)
  }

  @Test func leavesTargetsAlone() throws {
    let set = try open(table([[1], [2]]))
    #expect(set.values(0, 1) == [1])
  }

  @Test func takesOnePairAChannel() throws {
    let samples = images(40, 3, 2)
    let set = try dataset(#""standardize": true"#, samples)
    let moments = try #require(set.standardization)
    #expect(moments.mean.count == 3 && moments.deviation.count == 3)
    for channel in 0..<3 {
      let raw = (0..<40).flatMap { sample in (0..<6).map { Double(samples.values(sample, 0)[$0 * 3 + channel]) } }
      let mean = raw.reduce(0, +) / 240
      let deviation = (raw.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 240).squareRoot()
      #expect(abs(Double(moments.mean[channel]) - mean) < 1e-6)
      #expect(abs(Double(moments.deviation[channel]) - deviation) < 1e-6)
      let z = set.values(7, 0)[3 + channel]
      #expect(abs(Double(z) - (Double(samples.values(7, 0)[3 + channel]) - mean) / deviation) < 1e-5)
    }
    // A run that began with one pair for all channels goes on with it.
    let settings = CommonDataSettings.standardized
    let carried = try #require(Standardization(mean: [0.25], deviation: [2]))
    let older = try Dataset(OpenedSamples(samples: samples), settings: settings, seed: 5, standardization: carried)
    #expect(older.standardization == carried)
    #expect(older.values(3, 0) == samples.values(3, 0).map { ($0 - 0.25) * 0.5 })
    expectRefusal("1 or 3 means", "found 2") {
      let two = Standardization(mean: [0, 0], deviation: [1, 1])
      _ = try Dataset(OpenedSamples(samples: samples), settings: settings, seed: 5, standardization: two)
    }
  }

  /// Long samples are standardized in pieces, whose seams must not show.
  @Test(arguments: [(40, 31, 3), (32, 32, 3), (29, 31, 2), (17, 50, 4), (28, 28, 1)])
  func standardizesLongSamples(height: Int, width: Int, channels: Int) throws {
    let samples = images(2, height, width, channels)
    let (mean, deviation) = ([0.5, 0.25, 0.125, 1].prefix(channels), [0.5, 2, 4, 0.25].prefix(channels))
    let set = try dataset(
      #""normalize": {"mean": \#(Array(mean)), "std": \#(Array(deviation))}"#, samples)
    let expected = samples.values(1, 0).enumerated().map { index, x in
      (x - Float(mean[index % channels])) / Float(deviation[index % channels])
    }
    #expect(set.values(1, 0) == expected)
  }

  @Test func normalizesByGivenNumbers() throws {
    let samples = images(4, 2, 2)
    let one = try dataset(#""normalize": {"mean": 0.5, "std": [0.5, 0.25, 2]}"#, samples)
    #expect(one.standardization == Standardization(mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.25, 2]))
    let table = table([[1, 2], [3, 4]])
    #expect(try dataset(#""normalize": {"mean": 1, "std": 2}"#, table).values(1, 0) == [1, 1.5])
    expectRefusal("data.normalize", "1 or 3 means", "found 2") {
      _ = try dataset(#""normalize": {"mean": [0, 0], "std": 1}"#, samples)
    }
    for (keys, words) in [
      (#""normalize": {"mean": 0, "std": 1}, "standardize": true"#, "keep one"),
      (#""normalize": {"mean": [0, 1], "std": [1, 1, 1]}"#, "3 numbers"),
      (#""normalize": {"mean": 0, "std": 0}"#, "std"), (#""normalize": {"mean": 0}"#, "std"),
      (#""normalize": {"mean": [], "std": 1}"#, "one per channel"),
    ] {
      let error = #expect(throws: ConfigurationError.self) { _ = try dataset(keys, samples) }
      #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
    }
  }

  @Test func takesOnePairForGrayImages() throws {
    let pixels: [UInt8] = [0, 255, 255, 0, 0, 0, 255, 255]
    let samples = MemorySamples(
      name: "i", count: 2,
      columns: [
        .init(SampleField(name: SampleField.input, shape: TensorShape([2, 2, 1]), type: .float32), .bytes(pixels))
      ])
    let set = try open(samples)
    #expect(set.standardization?.mean == [0.5])
    #expect(set.standardization?.deviation == [0.5])
    #expect(input(set, 0) == [-1, 1, 1, -1])
  }

  @Test func looksAtTrainingSamplesOnly() throws {
    let set = try open(table((0..<50).map { [Float($0)] }), test: 20)
    let training = (0..<30).map { Double(set.splits.training[$0]) }
    #expect(abs(Double(set.standardization?.mean[0] ?? 0) - training.reduce(0, +) / 30) < 1e-5)
  }

  @Test func carriedNumbersAreUsedAndChecked() throws {
    let carried = try #require(Standardization(mean: [1], deviation: [2]))
    #expect(try input(open(table([[1], [5]]), carried), 1) == [2])
    expectRefusal("1 or 3 means") {
      let two = Standardization(mean: [1, 2], deviation: [2, 2])
      _ = try open(table([[1, 2, 3], [5, 6, 7]]), two)
    }
    #expect(Standardization(mean: [1], deviation: [0]) == nil)
    #expect(Standardization(mean: [.nan], deviation: [1]) == nil)
    #expect(Standardization(mean: [], deviation: []) == nil)
  }
}

extension CommonDataSettings {
  fileprivate static var standardized: CommonDataSettings {
    var settings = CommonDataSettings()
    settings.batchSize = 1
    settings.validation = .fraction(0)
    settings.standardize = true
    return settings
  }
}
