import Arenas
import Kernels
import Testing

@Suite struct BatchNormTests {
  @Test(arguments: NormTests.shapes, bothTypes) func training(shape: (Int, Int), type: ElementType) {
    let (rows, channels) = shape
    for hasParameters in [true, false] {
      let reference = NormReference(rows: rows, columns: channels, byColumn: true)
      let x = TestTensor((0..<rows * channels).map { Float($0 % 13) * 0.25 - 3 }, type)
      let dy = TestTensor(random: rows * channels, type, stream: 1)
      let gamma = hasParameters ? TestTensor(random: channels, stream: 2) : nil
      let beta = hasParameters ? TestTensor(random: channels, stream: 3) : nil
      let y = TestTensor(zeros: rows * channels, type)
      let (mean, inverse) = (TestTensor(zeros: channels), TestTensor(zeros: channels))
      let (observedMean, observedVariance) = (TestTensor(zeros: channels), TestTensor(zeros: channels))
      BatchNormKernel.forward(
        x.slice, gamma: gamma?.slice, beta: beta?.slice, into: y.slice, mean: mean.slice,
        inverseDeviation: inverse.slice, observedMean: observedMean.slice, observedVariance: observedVariance.slice,
        rows: rows, channels: channels, epsilon: 1e-5)
      let (means, variances) = reference.statistics(x.doubles)
      expectClose(mean.values, means, relative: 1e-6, absolute: 1e-7)
      #expect(observedMean.values == mean.values)
      let unbiased = variances.map { rows > 1 ? $0 * Double(rows) / Double(rows - 1) : 0 }
      expectClose(observedVariance.values, unbiased, relative: 1e-6, absolute: 1e-9)
      let expected = reference.forward(x.doubles, gamma?.doubles, beta?.doubles)
      expectClose(y.values, expected, relative: type.tolerance, absolute: 1e-5, "\(shape)")

      let dx = TestTensor(random: rows * channels, type, stream: 4)
      let (dGamma, dBeta) = (TestTensor(random: channels, stream: 5), TestTensor(random: channels, stream: 6))
      let gradient = reference.backward(x.doubles, gamma?.doubles, dy.doubles)
      let parameters = reference.parameterGradients(x.doubles, dy.doubles)
      for accumulate in [true, false] {
        let before = (dx.doubles, dGamma.doubles, dBeta.doubles)
        BatchNormKernel.backward(
          x.slice, gamma: gamma?.slice, mean: mean.slice, inverseDeviation: inverse.slice, dy: dy.slice, dx: dx.slice,
          accumulate: accumulate, dGamma: dGamma.slice, dBeta: dBeta.slice, accumulateParameters: accumulate,
          rows: rows, channels: channels)
        // With a single row all deviations are 0 and the inverse is 316, which magnifies rounding.
        expectSum(dx, before.0, gradient, accumulate, relative: type.tolerance, absolute: 1e-4, "dx \(shape)")
        expectSum(dGamma, before.1, parameters.gamma, accumulate, absolute: 2e-5, "dGamma \(shape)")
        expectSum(dBeta, before.2, parameters.beta, accumulate, absolute: 1e-5, "dBeta \(shape)")
      }
      let apart = dx.values
      BatchNormKernel.backward(
        x.slice, gamma: gamma?.slice, mean: mean.slice, inverseDeviation: inverse.slice, dy: dy.slice, dx: dy.slice,
        accumulate: false, dGamma: nil, dBeta: nil, accumulateParameters: false, rows: rows, channels: channels)
      #expect(dy.values == apart)
    }
  }

  @Test(arguments: bothTypes) func inference(type: ElementType) {
    for channels in oddSizes + [530] {
      let rows = 5
      let x = TestTensor(random: rows * channels, type, stream: 1)
      let y = TestTensor(zeros: rows * channels, type)
      let (gamma, beta) = (TestTensor(random: channels, stream: 2), TestTensor(random: channels, stream: 3))
      let mean = TestTensor(random: channels, stream: 4)
      let variance = TestTensor((0..<channels).map { 0.1 + Float($0 % 5) })
      BatchNormKernel.inference(
        x.slice, gamma: gamma.slice, beta: beta.slice, into: y.slice, runningMean: mean.slice,
        runningVariance: variance.slice, rows: rows, channels: channels, epsilon: 1e-5)
      let expected = x.doubles.enumerated().map { i, value in
        let c = i % channels
        let deviation = (variance.doubles[c] + 1e-5).squareRoot()
        return (value - mean.doubles[c]) / deviation * gamma.doubles[c] + beta.doubles[c]
      }
      expectClose(y.values, expected, relative: type.tolerance, absolute: 2e-6)
    }
  }

  @Test func manyRowsFarFromZeroStayAccurate() {
    let (rows, channels) = (131_072, 3)
    let numbers = RandomStream(seed: 1, purpose: .checking)
    let x = TestTensor((0..<rows * channels).map { Float($0 % channels) * 1000 + numbers.normal($0) * 0.01 })
    let y = TestTensor(zeros: rows * channels)
    let parameters = (0..<4).map { _ in TestTensor(zeros: channels) }
    BatchNormKernel.forward(
      x.slice, gamma: nil, beta: nil, into: y.slice, mean: parameters[0].slice, inverseDeviation: parameters[1].slice,
      observedMean: parameters[2].slice, observedVariance: parameters[3].slice, rows: rows, channels: channels,
      epsilon: 0)
    let (means, variances) = NormReference(rows: rows, columns: channels, byColumn: true).statistics(x.doubles)
    expectClose(parameters[0].values, means, relative: 1e-7, absolute: 1e-10)
    expectClose(parameters[1].values, variances.map { 1 / $0.squareRoot() }, relative: 1e-6)
  }

  @Test func brokenNumbersStayInTheirChannel() {
    let x = TestTensor([1, 2, .infinity, 4, 5, 6])
    let y = TestTensor(zeros: 6)
    let parameters = (0..<4).map { _ in TestTensor(zeros: 2) }
    BatchNormKernel.forward(
      x.slice, gamma: nil, beta: nil, into: y.slice, mean: parameters[0].slice, inverseDeviation: parameters[1].slice,
      observedMean: parameters[2].slice, observedVariance: parameters[3].slice, rows: 3, channels: 2, epsilon: 1e-5)
    #expect(y.values[2].isNaN && !y.values[3].isNaN)
    #expect(!parameters[3].values[0].isFinite && parameters[3].values[1].isFinite)
  }
}
