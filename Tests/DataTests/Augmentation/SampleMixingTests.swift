import Configuration
import Data
import Tensors
import Testing

@Suite struct SampleMixingTests {
  /// A Beta(α, α) variate has mean ½ and variance 1 / (4·(2α + 1)).
  @Test(arguments: [0.01, 0.2, 0.5, 1, 3, 20]) func sharesAreBeta(alpha: Double) throws {
    let mixing = try #require(try dataset(#""mixup": {"alpha": \#(alpha)}"#, images(100, 2, 2)).mixing)
    let draws = (0..<10_000).map { mixing.draw($0 % 100, epoch: $0 / 100) }
    let shares = draws.map { Double($0.share) }
    #expect(shares.allSatisfy { $0 >= 0 && $0 <= 1 } && draws.allSatisfy { $0.box == nil })
    let mean = shares.reduce(0, +) / 10_000
    let variance = shares.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 10_000
    #expect(abs(mean - 0.5) < 0.02 && abs(variance * 4 * (2 * alpha + 1) - 1) < 0.05, "\(mean), \(variance)")
    let partners = Set(draws.map(\.partner))
    #expect(partners == Set(0..<100))
  }

  @Test func partnersAreTrainingSamples() throws {
    let set = try dataset(#""mixup": {}, "test_count": 50"#, images(100, 2, 2))
    let mixing = try #require(set.mixing)
    let training = Set((0..<50).map { set.splits.training[$0] })
    let partners = Set((0..<2000).map { mixing.draw($0 % 100, epoch: $0 / 100).partner })
    #expect(partners == training)
  }

  @Test func mixesInputsAndTargets() throws {
    let samples = images(9, 3, 2)
    let set = try dataset(
      #""mixup": {"alpha": 1}, "normalize": {"mean": [0.5, 0, 1], "std": 2}, "#
        + #""augmentation": [{"type": "vertical_flip"}]"#,
      samples)
    let alone = try dataset(
      #""normalize": {"mean": [0.5, 0, 1], "std": 2}, "augmentation": [{"type": "vertical_flip"}]"#, samples)
    let mixing = try #require(set.mixing)
    #expect(set.fields[1].type == .float32 && set.fields[1].shape == TensorShape([3]) && set.fields[1].classCount == 3)
    for epoch in 0..<6 {
      for sample in 0..<9 {
        let draw = mixing.draw(sample, epoch: epoch)
        let reading = Reading.training(epoch: epoch)
        let (own, other) = (alone.values(sample, 0, reading), alone.values(draw.partner, 0, reading))
        let mixed = set.values(sample, 0, reading)
        for (value, (a, b)) in zip(mixed, zip(own, other)) {
          #expect(abs(value - (draw.share * a + (1 - draw.share) * b)) < 1e-6)
        }
        var target: [Float] = [0, 0, 0]
        target[sample % 3] += draw.share
        target[draw.partner % 3] += 1 - draw.share
        #expect(set.values(sample, 1, reading) == target)
        #expect(set.values(sample, 0) == alone.values(sample, 0))
        #expect(set.values(sample, 1) == (0..<3).map { $0 == sample % 3 ? 1 : 0 })
      }
    }
  }

  @Test func laysBoxesOver() throws {
    let samples = images(9, 6, 5)
    let set = try dataset(#""cutmix": {}"#, samples)
    let mixing = try #require(set.mixing)
    var shares: [Float] = []
    for epoch in 0..<40 {
      for sample in 0..<9 {
        let draw = mixing.draw(sample, epoch: epoch)
        let box = try #require(draw.box)
        let (own, other) = (samples.values(sample, 0), samples.values(draw.partner, 0))
        let mixed = set.values(sample, 0, .training(epoch: epoch))
        var covered = 0
        for pixel in 0..<30 {
          let isCovered = box.rows.contains(pixel / 5) && box.columns.contains(pixel % 5)
          covered += isCovered ? 1 : 0
          #expect(mixed[pixel * 3..<pixel * 3 + 3] == (isCovered ? other : own)[pixel * 3..<pixel * 3 + 3])
        }
        #expect(draw.share == 1 - Float(covered) / 30)
        let target = set.values(sample, 1, .training(epoch: epoch))
        #expect(abs(target.reduce(0, +) - 1) < 1e-6)
        if sample % 3 != draw.partner % 3 { #expect(target[sample % 3] == draw.share) }
        shares.append(draw.share)
      }
    }
    #expect(shares.contains { $0 < 0.5 } && shares.contains { $0 > 0.9 })
  }

  @Test func bothTakeTurns() throws {
    let mixing = try #require(try dataset(#""mixup": {}, "cutmix": {}"#, images(100, 3, 3)).mixing)
    let cut = (0..<1000).count { mixing.draw($0 % 100, epoch: $0 / 100).box != nil }
    #expect(abs(cut - 500) < 80)
  }

  @Test func refusesWhatCannotBeMixed() throws {
    let values = MemorySamples(
      name: "v", count: 2,
      columns: [
        .init(SampleField(name: SampleField.input, shape: TensorShape([1]), type: .float32), .floats([1, 2])),
        .init(SampleField(name: SampleField.target, shape: TensorShape([1]), type: .float32), .floats([1, 2])),
      ])
    expectRefusal("v: data.mixup", "classes") { _ = try dataset(#""mixup": {}"#, values) }
    let table = MemorySamples(
      name: "t", count: 2,
      columns: [
        .init(SampleField(name: SampleField.input, shape: TensorShape([1]), type: .float32), .floats([1, 2])),
        .init(SampleField(name: SampleField.target, shape: .scalar, type: .int32, classCount: 2), .integers([0, 1])),
      ])
    expectRefusal("t: data.cutmix", "images") { _ = try dataset(#""cutmix": {}"#, table) }
    #expect(throws: Never.self) { try dataset(#""mixup": {}"#, table) }
    #expect(throws: ConfigurationError.self) { try dataset(#""mixup": {"alpha": 0}"#, table) }
  }
}
