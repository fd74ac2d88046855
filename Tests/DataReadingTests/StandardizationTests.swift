import Arenas
import DataReading
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
    var settings = CommonDataSettings()
    settings.batchSize = 1
    settings.validation = .fraction(0)
    settings.test = .count(test)
    settings.standardize = true
    return try Dataset(OpenedSamples(samples: samples), settings: settings, seed: 2, standardization: carried)
  }

  private func input(_ set: Dataset, _ sample: Int) -> [Float] {
    let arena = Arena(byteCount: set.fields[0].shape.elementCount * 4)
    let slot = arena.all(as: .float32)
    set.read(sample, field: 0, into: slot)
    return slot.floats.indices.map { slot.floats[$0] }
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
    let arena = Arena(byteCount: 4)
    set.read(0, field: 1, into: arena.all(as: .int32))
    #expect(arena.all(as: .int32).integers[0] == 1)
  }

  @Test func takesOnePairForImages() throws {
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
