import Foundation
import Kernels
import Tensors
import Testing

/// Everything that one call of the kernel reads and writes.
private struct BatchNormCase {
  let kernel: BatchNormKernel
  let x: TestTensor
  let y: TestTensor
  let shortcut: TestTensor?
  let gamma: TestTensor?
  let beta: TestTensor?
  let mean: TestTensor
  let inverse: TestTensor
  let batchMean: TestTensor
  let batchVariance: TestTensor

  private var statistics: BatchNormKernel.Statistics {
    BatchNormKernel.Statistics(mean: mean.slice, inverseDeviation: inverse.slice)
  }

  init(_ kernel: BatchNormKernel, _ x: TestTensor, hasParameters: Bool = true) {
    let channels = kernel.channels
    self.kernel = kernel
    self.x = x
    y = TestTensor(zeros: x.slice.count, x.slice.type)
    shortcut = kernel.addsShortcut ? TestTensor(random: x.slice.count, x.slice.type, stream: 7) : nil
    gamma = hasParameters ? TestTensor(random: channels, stream: 2) : nil
    beta = hasParameters ? TestTensor(random: channels, stream: 3) : nil
    (mean, inverse) = (TestTensor(zeros: channels), TestTensor(zeros: channels))
    (batchMean, batchVariance) = (TestTensor(zeros: channels), TestTensor(zeros: channels))
  }

  func forward() {
    kernel.forward(
      x.slice, shortcut: shortcut?.slice, gamma: gamma?.slice, beta: beta?.slice, into: y.slice,
      statistics: statistics, batchMean: batchMean.slice, batchVariance: batchVariance.slice)
  }

  func backward(
    dy: TestTensor, dx: TestTensor?, accumulate: Bool, ds: TestTensor? = nil, accumulateShortcut: Bool = false,
    dGamma: TestTensor? = nil, dBeta: TestTensor? = nil
  ) {
    kernel.backward(
      x.slice, y: y.slice, gamma: gamma?.slice, beta: beta?.slice, statistics: statistics, dy: dy.slice, dx: dx?.slice,
      accumulate: accumulate, shortcutGradient: ds?.slice, accumulateShortcut: accumulateShortcut,
      dGamma: dGamma?.slice, dBeta: dBeta?.slice, accumulateParameters: accumulate)
  }
}

@Suite struct BatchNormTests {
  /// Those of the other norms, and rows of few channels, which the kernel sees as fewer and longer ones.
  static let shapes = NormTests.shapes + [(300, 3), (131, 16), (1, 24), (257, 24), (70, 64), (40, 128), (3, 1100)]

  @Test(arguments: shapes, bothTypes) func training(shape: (Int, Int), type: ElementType) {
    let (rows, channels) = shape
    for hasParameters in [true, false] {
      let reference = NormReference(rows: rows, columns: channels, byColumn: true)
      let x = TestTensor((0..<rows * channels).map { Float($0 % 13) * 0.25 - 3 }, type)
      let dy = TestTensor(random: rows * channels, type, stream: 1)
      let test = BatchNormCase(
        BatchNormKernel(rows: rows, channels: channels, epsilon: 1e-5), x, hasParameters: hasParameters)
      test.forward()
      let (means, variances) = reference.statistics(x.doubles)
      expectClose(test.mean.values, means, relative: 1e-6, absolute: 1e-7)
      #expect(test.batchMean.values == test.mean.values)
      let unbiased = variances.map { rows > 1 ? $0 * Double(rows) / Double(rows - 1) : 0 }
      expectClose(test.batchVariance.values, unbiased, relative: 1e-6, absolute: 1e-9)
      let expected = reference.forward(x.doubles, test.gamma?.doubles, test.beta?.doubles)
      expectClose(test.y.values, expected, relative: type.tolerance, absolute: 1e-5, "\(shape)")

      let dx = TestTensor(random: rows * channels, type, stream: 4)
      let (dGamma, dBeta) = (TestTensor(random: channels, stream: 5), TestTensor(random: channels, stream: 6))
      let gradient = reference.backward(x.doubles, test.gamma?.doubles, dy.doubles)
      let parameters = reference.parameterGradients(x.doubles, dy.doubles)
      for accumulate in [true, false] {
        let before = (dx.doubles, dGamma.doubles, dBeta.doubles)
        test.backward(dy: dy, dx: dx, accumulate: accumulate, dGamma: dGamma, dBeta: dBeta)
        // With a single row all deviations are 0 and the inverse is 316, which magnifies rounding.
        expectSum(dx, before.0, gradient, accumulate, relative: type.tolerance, absolute: 1e-4, "dx \(shape)")
        expectSum(dGamma, before.1, parameters.gamma, accumulate, absolute: 4e-5, "dGamma \(shape)")
        expectSum(dBeta, before.2, parameters.beta, accumulate, absolute: 1e-5, "dBeta \(shape)")
      }
      let (apart, gammaAgain) = (dx.values, dGamma.values)
      test.backward(dy: dy, dx: nil, accumulate: false, dGamma: dGamma)
      #expect(dGamma.values == gammaAgain)
      test.backward(dy: dy, dx: dy, accumulate: false)
      #expect(dy.values == apart)
    }
  }

  /// Fused operations give the results of separate ones, on rounded numbers in between.
  @Test(arguments: [(5, 17), (131, 16), (70, 100), (3, 530)], bothTypes)
  func activationsAndShortcuts(shape: (Int, Int), type: ElementType) {
    let (rows, channels) = shape
    for activation in Activation.behindNorms {
      for addsShortcut in Activation.behindShortcuts.contains(activation) ? [false, true] : [false] {
        let x = TestTensor(random: rows * channels, type, stream: 8)
        let plain = BatchNormCase(BatchNormKernel(rows: rows, channels: channels, epsilon: 1e-5), x)
        plain.forward()
        let fused = BatchNormCase(
          BatchNormKernel(
            rows: rows, channels: channels, epsilon: 1e-5, activation: activation, addsShortcut: addsShortcut), x)
        fused.forward()
        let sum = TestTensor(zeros: rows * channels, type)
        if let shortcut = fused.shortcut {
          Elementwise.add(plain.y.slice, shortcut.slice, into: sum.slice)
        } else {
          sum.slice.copy(from: plain.y.slice)
        }
        let y = TestTensor(zeros: rows * channels, type)
        activation.apply(sum.slice, into: y.slice)
        let tolerance = 4 * type.tolerance
        expectClose(fused.y.values, y.doubles, relative: tolerance, absolute: tolerance, "\(activation)")

        let dy = TestTensor(random: rows * channels, type, stream: 1)
        let g = TestTensor(zeros: rows * channels, type)
        // The fused output, so that both are on the same side of every kink.
        let kept = activation.derivativeFollowsFromOutput ? fused.y : sum
        activation.backward(kept: kept.slice, dy: dy.slice, dx: g.slice, accumulate: false)
        let dx = TestTensor(zeros: rows * channels, type)
        let (dGamma, dBeta) = (TestTensor(zeros: channels), TestTensor(zeros: channels))
        plain.backward(dy: g, dx: dx, accumulate: false, dGamma: dGamma, dBeta: dBeta)
        let (gradient, shift, scale) = (g.doubles, dBeta.doubles, dGamma.doubles)
        let comment: Comment = "\(activation) \(addsShortcut) \(shape)"
        let loose = type == .bfloat16 ? 0.1 : 1e-4
        func expectParameters() {
          expectClose(dGamma.values, scale, relative: tolerance, absolute: 2 * loose, comment)
          expectClose(dBeta.values, shift, relative: tolerance, absolute: 2 * loose, comment)
        }
        for accumulate in [false, true] {
          let fusedDx = TestTensor(random: rows * channels, type, stream: 4)
          let ds = addsShortcut ? TestTensor(random: rows * channels, type, stream: 5) : nil
          let before = (fusedDx.doubles, ds?.doubles ?? [])
          // dy is overwritten behind a shortcut.
          let dyCopy = TestTensor(dy.values, type)
          let zeroed = (TestTensor(zeros: channels), TestTensor(zeros: channels))
          fused.backward(
            dy: dyCopy, dx: fusedDx, accumulate: accumulate, ds: ds, accumulateShortcut: accumulate, dGamma: zeroed.0,
            dBeta: zeroed.1)
          dGamma.slice.copy(from: zeroed.0.slice)
          dBeta.slice.copy(from: zeroed.1.slice)
          expectParameters()
          expectSum(fusedDx, before.0, dx.doubles, accumulate, relative: tolerance, absolute: loose / 4, comment)
          if let ds {
            expectSum(ds, before.1, gradient, accumulate, relative: tolerance, absolute: loose / 10, comment)
          }
        }
        guard addsShortcut else { continue }
        // The shortcut's gradient is not wanted.
        let alone = TestTensor(zeros: rows * channels, type)
        fused.backward(dy: TestTensor(dy.values, type), dx: alone, accumulate: false)
        expectClose(alone.values, dx.doubles, relative: tolerance, absolute: loose / 4, comment)
        // The block's input is the shortcut as well.
        let shared = TestTensor(zeros: rows * channels, type)
        fused.backward(
          dy: TestTensor(dy.values, type), dx: shared, accumulate: false, ds: shared, accumulateShortcut: true)
        let both = zip(dx.doubles, gradient).map(+)
        expectClose(shared.values, both, relative: tolerance, absolute: loose / 4, comment)
      }
    }
  }

  @Test(arguments: bothTypes) func inference(type: ElementType) {
    for channels in oddSizes + [530] {
      let rows = 5
      let x = TestTensor(random: rows * channels, type, stream: 1)
      let mean = TestTensor(random: channels, stream: 4)
      let variance = TestTensor((0..<channels).map { 0.1 + Float($0 % 5) })
      for addsShortcut in [false, true] {
        let activation: Activation = addsShortcut ? .relu : .identity
        let test = BatchNormCase(
          BatchNormKernel(
            rows: rows, channels: channels, epsilon: 1e-5, activation: activation, addsShortcut: addsShortcut), x)
        test.kernel.inference(
          x.slice, shortcut: test.shortcut?.slice, gamma: test.gamma?.slice, beta: test.beta?.slice, into: test.y.slice,
          runningMean: mean.slice, runningVariance: variance.slice)
        let (gamma, beta) = (test.gamma?.doubles ?? [], test.beta?.doubles ?? [])
        let expected = x.doubles.enumerated().map { i, value in
          let c = i % channels
          let deviation = (variance.doubles[c] + 1e-5).squareRoot()
          let y = (value - mean.doubles[c]) / deviation * gamma[c] + beta[c]
          return test.shortcut.map { max(0, y + $0.doubles[i]) } ?? y
        }
        expectClose(test.y.values, expected, relative: type.tolerance, absolute: 2e-6)
      }
    }
  }

  @Test func manyRowsFarFromZeroStayAccurate() {
    let (rows, channels) = (131_072, 3)
    let numbers = RandomStream(seed: 1, purpose: .checking)
    let x = TestTensor((0..<rows * channels).map { Float($0 % channels) * 1000 + numbers.normal($0) * 0.01 })
    let test = BatchNormCase(BatchNormKernel(rows: rows, channels: channels, epsilon: 0), x, hasParameters: false)
    test.forward()
    let (means, variances) = NormReference(rows: rows, columns: channels, byColumn: true).statistics(x.doubles)
    expectClose(test.mean.values, means, relative: 1e-7, absolute: 1e-10)
    expectClose(test.inverse.values, variances.map { 1 / $0.squareRoot() }, relative: 1e-6)
  }

  /// Every block of rows has another mean than those above it.
  @Test(arguments: [16, 200]) func driftingRowsStayAccurate(_ channels: Int) {
    let rows = 20_000
    let numbers = RandomStream(seed: 2, purpose: .checking)
    let values = (0..<rows * channels).map { i in
      let row = i / channels
      return numbers.normal(i) * 0.1 + (row < 70 ? 0 : row < 9000 ? 300 : Float(row) * 0.05)
    }
    let x = TestTensor(values)
    let test = BatchNormCase(BatchNormKernel(rows: rows, channels: channels, epsilon: 0), x, hasParameters: false)
    test.forward()
    let (means, variances) = NormReference(rows: rows, columns: channels, byColumn: true).statistics(x.doubles)
    expectClose(test.mean.values, means, relative: 2e-7)
    expectClose(test.inverse.values, variances.map { 1 / $0.squareRoot() }, relative: 5e-7)
  }

  @Test func nanStaysInItsChannel() {
    let x = TestTensor([1, 2, .infinity, 4, 5, 6])
    let test = BatchNormCase(
      BatchNormKernel(rows: 3, channels: 2, epsilon: 1e-5, activation: .relu), x, hasParameters: false)
    test.forward()
    #expect(test.y.values[2].isNaN && !test.y.values[3].isNaN)
    #expect(!test.batchVariance.values[0].isFinite && test.batchVariance.values[1].isFinite)
  }
}
