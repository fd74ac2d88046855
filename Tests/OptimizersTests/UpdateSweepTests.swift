import Kernels
import Tensors
import Testing

@Suite struct UpdateSweepTests {
  @Test(arguments: [5, 16, 45]) func statisticsAreThoseOfTheNewParametersAndTheStep(count: Int) throws {
    // An epsilon of 0 makes 0 / 0 of the lanes beyond the end, which must not count.
    let bench = try Workbench(#"{"type": "adam", "epsilon": 0}"#, count: count)
    let before = bench.read(bench.parameter)
    let statistics = bench.step(scalars(step: 1, rate: 0.1))
    let after = bench.read(bench.parameter)
    let changes = zip(after, before).map { $0 - $1 }
    for (seen, values) in [(statistics.parameter, after), (statistics.update, changes)] {
      let sum = values.reduce(0) { $0 + Double($1) * Double($1) }
      #expect(abs(seen.sumOfSquares - sum) < 1e-6 * sum)
      #expect(seen.largest == values.map(abs).max())
      #expect(seen.nonfinite == 0)
    }
  }

  @Test func tinyUpdatesHaveANorm() throws {
    let bench = try Workbench(#"{"type": "sgd"}"#, count: 20)
    for i in 0..<20 {
      bench.write(bench.parameter, i, 0)
      bench.write(bench.gradient, i, 1e-28)
    }
    let statistics = bench.update(scalars(step: 1, rate: 1))
    #expect(abs(statistics.update.norm / (20.0.squareRoot() * 1e-28) - 1) < 1e-5)
  }

  @Test func nonfiniteElementsAreCountedAndStayVisible() throws {
    for json in formulaCases.map(\.json) {
      let bench = try Workbench(json, count: 40)
      for i in 0..<40 { bench.write(bench.gradient, i, i == 3 || i == 38 ? .nan : 0.5) }
      var scalars = scalars(step: 1)
      scalars.clipValue = 1
      let statistics = bench.update(scalars)
      #expect(statistics.parameter.nonfinite == 2, "\(json)")
      #expect(statistics.update.nonfinite == 2)
      let parameters = bench.read(bench.parameter)
      #expect(parameters[3].isNaN && parameters[38].isNaN && parameters[4].isFinite)
    }
  }

  @Test func gradientsAreScaledAndThenCut() throws {
    let bench = try Workbench(#"{"type": "sgd"}"#, count: 18)
    for i in 0..<18 {
      bench.write(bench.parameter, i, 0)
      bench.write(bench.gradient, i, Float(i) - 9)
    }
    var scalars = scalars(step: 1, rate: 1)
    scalars.gradientScale = 0.5
    scalars.clipValue = 2
    _ = bench.update(scalars)
    #expect(bench.read(bench.parameter) == (0..<18).map { -max(-2, min(2, (Float($0) - 9) / 2)) })
  }

  @Test func bf16WeightsAreTheRoundedParameterAndTheAverageFollows() throws {
    let bench = try Workbench(#"{"type": "adamw"}"#, count: 35)
    var expected = bench.read(bench.average).map(Double.init)
    for step in 1...10 {
      var scalars = scalars(step: step)
      scalars.averageDecay = 0.8
      _ = bench.step(scalars)
      for (i, value) in bench.read(bench.parameter).enumerated() { expected[i] += 0.2 * (Double(value) - expected[i]) }
    }
    let bytes = bench.bf16Weights.all(as: .bfloat16).bytes
    for (i, value) in bench.read(bench.parameter).enumerated() {
      let bits = bytes.unsafeLoad(fromByteOffset: 2 * i, as: UInt16.self)
      #expect(BFloat16(bits: bits) == BFloat16(value))
    }
    for (mean, reference) in zip(bench.read(bench.average), expected) { #expect(abs(Double(mean) - reference) < 1e-6) }
  }

  @Test func emptyChunksDoNothing() throws {
    let bench = try Workbench(#"{"type": "adamw"}"#, count: 0)
    #expect(bench.update(scalars(step: 1)) == UpdateStatistics())
  }
}
