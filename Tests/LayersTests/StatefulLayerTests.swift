import Kernels
import Layers
import Tensors
import Testing

/// The state of batch norm and the random masks of dropout.
@Suite struct StatefulLayerTests {
  @Test func batchNormMovesItsAveragesAsPyTorchDoes() throws {
    var settings = BatchNorm.LayerSettings()
    settings.momentum = 0.25
    let layer = try BatchNorm(settings: settings, inputs: [[8, 3].shape])
    let bench = LayerBench(layer)
    bench.fill()
    bench.forward()
    for channel in 0..<3 {
      let x = (0..<8).map { Double(bench.inputs[0].values[3 * $0 + channel]) }
      let mean = x.reduce(0, +) / 8
      let unbiased = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 7
      for (index, observed) in [mean, unbiased].enumerated() {
        #expect(abs(Double(bench.batchStatistics[index].values[channel]) - observed) < 1e-5)
        let before = Double(bench.buffers[index].values[channel])
        layer.fold(batchStatistics: bench.batchStatistics[index].slice, into: bench.buffers[index].slice, at: index)
        #expect(abs(Double(bench.buffers[index].values[channel]) - (0.75 * before + 0.25 * observed)) < 1e-5)
        bench.buffers[index].slice.set(channel, Float(before))
      }
    }
  }

  @Test func batchNormEvaluatesWithItsAverages() throws {
    let layer = try BatchNorm(settings: .init(), inputs: [[8, 3].shape])
    var conditions = Conditions()
    conditions.isTraining = false
    let bench = LayerBench(layer, conditions)
    bench.fill()
    bench.forward()
    for (index, y) in bench.output.values.enumerated() {
      let channel = index % 3
      let deviation = (Double(bench.buffers[1].values[channel]) + 1e-5).squareRoot()
      let normal = (Double(bench.inputs[0].values[index]) - Double(bench.buffers[0].values[channel])) / deviation
      let expected =
        Double(bench.parameters[0].values[channel]) * normal + Double(bench.parameters[1].values[channel])
      #expect(abs(Double(y) - expected) < 1e-5)
    }
  }

  @Test func dropoutIsAFunctionOfStepAndMicroBatch() throws {
    let layer = try Dropout(settings: .init(rate: 0.3), inputs: [[100, 100].shape])
    let bench = LayerBench(layer)
    bench.fill()
    func mask(step: Int, microBatch: Int) -> [Bool] {
      bench.change { ($0.step, $0.microBatch) = (step, microBatch) }
      bench.forward()
      return bench.output.values.map { $0 == 0 }
    }
    let masks = [mask(step: 0, microBatch: 0), mask(step: 1, microBatch: 0), mask(step: 0, microBatch: 1)]
    #expect(mask(step: 0, microBatch: 0) == masks[0])
    for (a, b) in [(0, 1), (0, 2), (1, 2)] {
      // Independent masks agree in 0.7² + 0.3² of the elements; five standard deviations are 0.025.
      let agreement = Double(zip(masks[a], masks[b]).count { $0 == $1 }) / 10_000
      #expect(abs(agreement - 0.58) < 0.025)
    }
    for mask in masks { #expect(abs(Double(mask.count { $0 }) / 10_000 - 0.3) < 0.023) }
    let kept = zip(bench.inputs[0].values, bench.output.values).filter { $0.1 != 0 }
    #expect(kept.allSatisfy { abs($0.1 - $0.0 / 0.7) <= 1e-6 * abs($0.1) })
  }

  /// The factor that each element was multiplied with.
  private func factors(_ layer: any Layer) -> [Float] {
    let bench = LayerBench(layer)
    bench.fill()
    bench.forward()
    return zip(bench.output.values, bench.inputs[0].values).map { $0 == 0 ? 0 : ($0 / $1 * 1000).rounded() / 1000 }
  }

  @Test func dropout2DDropsWholeChannels() throws {
    let (batch, pixels, channels) = (40, 6, 35)
    let layer = try Dropout2D(settings: .init(rate: 0.2), inputs: [[batch, 2, 3, channels].shape])
    let factors = factors(layer)
    let first = (0..<batch * channels).map { factors[$0 / channels * pixels * channels + $0 % channels] }
    for (index, factor) in factors.enumerated() {
      #expect(factor == first[index / (pixels * channels) * channels + index % channels])
    }
    #expect(Set(first) == [0, 1.25])
    // Five standard deviations of 1400 channels.
    #expect(abs(Double(first.count { $0 == 0 }) / Double(first.count) - 0.2) < 0.054)
    #expect(Set((0..<batch).map { Array(first[$0 * channels..<($0 + 1) * channels]) }).count == batch)
  }

  @Test func stochasticDepthDropsWholeSamples() throws {
    let layer = try StochasticDepth(settings: .init(rate: 0.2), inputs: [[1000, 3, 7].shape])
    let factors = factors(layer)
    for (index, factor) in factors.enumerated() { #expect(factor == factors[index / 21 * 21]) }
    #expect(Set(factors) == [0, 1.25])
    #expect(abs(Double(factors.count { $0 == 0 }) / Double(factors.count) - 0.2) < 0.064)
  }
}
