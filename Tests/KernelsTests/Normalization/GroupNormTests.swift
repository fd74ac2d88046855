import Kernels
import Tensors
import Testing

@Suite struct GroupNormTests {
  /// Batch, positions, channels, groups; few channels, many, and more than one stretch of them.
  private static let shapes = [
    (1, 2, 1, 1), (2, 9, 6, 3), (3, 35, 16, 4), (2, 70, 64, 32), (2, 5, 21, 21), (4, 1, 20, 5), (1, 3, 1100, 2),
  ]

  /// Each group of a sample is a row of layer norm, once the elements are brought into its order.
  private func order(_ shape: (Int, Int, Int, Int)) -> [Int] {
    let (batch, positions, channels, groups) = shape
    let size = channels / groups
    var order: [Int] = []
    for b in 0..<batch {
      for g in 0..<groups {
        for p in 0..<positions { order += (0..<size).map { (b * positions + p) * channels + g * size + $0 } }
      }
    }
    return order
  }

  @Test(arguments: shapes.indices, bothTypes) func followsTheFormula(_ index: Int, _ type: ElementType) {
    let shape = Self.shapes[index]
    let (batch, positions, channels, groups) = shape
    let count = batch * positions * channels
    let order = order(shape)
    let reference = NormReference(rows: batch * groups, columns: count / (batch * groups))
    let x = TestTensor((0..<count).map { Float($0 % 13) * 0.25 + 4 }, type)
    let dy = TestTensor(random: count, type, stream: 1)
    let (gamma, beta) = (TestTensor(random: channels, stream: 2), TestTensor(random: channels, stream: 3))
    let (mean, inverse) = (TestTensor(zeros: batch * groups), TestTensor(zeros: batch * groups))
    let kernel = GroupNormKernel(
      batch: batch, positions: positions, channels: channels, groups: groups, epsilon: 1e-5)
    let scratch = TestTensor(random: kernel.scratchByteCount / 4, stream: 9)
    let y = TestTensor(zeros: count, type)
    kernel.forward(
      x.slice, gamma: gamma.slice, beta: beta.slice, into: y.slice, mean: mean.slice, inverseDeviation: inverse.slice,
      scratch: scratch.slice)

    let values = order.map { x.doubles[$0] }
    let (means, variances) = reference.statistics(values)
    expectClose(mean.values, means, relative: 1e-6)
    expectClose(inverse.values, variances.map { 1 / ($0 + 1e-5).squareRoot() }, relative: 1e-5)
    let (scale, shift) = (gamma.doubles, beta.doubles)
    let normalized = reference.normalized(values)
    var expected = [Double](repeating: 0, count: count)
    for (i, n) in zip(order, normalized) { expected[i] = n * scale[i % channels] + shift[i % channels] }
    expectClose(y.values, expected, relative: type.tolerance, absolute: 2e-5, "\(shape)")

    // gamma belongs to dy here: the gradient of the normalized x.
    let dyValues = dy.doubles
    let weighted = order.map { dyValues[$0] * scale[$0 % channels] }
    var gradient = [Double](repeating: 0, count: count)
    for (i, g) in zip(order, reference.backward(values, nil, weighted)) { gradient[i] = g }
    var (scales, shifts) = ([Double](repeating: 0, count: channels), [Double](repeating: 0, count: channels))
    for (i, n) in zip(order, normalized) {
      scales[i % channels] += dyValues[i] * n
      shifts[i % channels] += dyValues[i]
    }
    let dx = TestTensor(random: count, type, stream: 4)
    let (dGamma, dBeta) = (TestTensor(random: channels, stream: 5), TestTensor(random: channels, stream: 6))
    for accumulate in [true, false] {
      let before = (dx.doubles, dGamma.doubles, dBeta.doubles)
      kernel.backward(
        x.slice, gamma: gamma.slice, beta: beta.slice, mean: mean.slice, inverseDeviation: inverse.slice,
        dy: dy.slice, dx: dx.slice, accumulate: accumulate, dGamma: dGamma.slice, dBeta: dBeta.slice,
        accumulateParameters: accumulate, scratch: scratch.slice)
      expectSum(dx, before.0, gradient, accumulate, relative: type.tolerance, absolute: 2e-4, "dx \(shape)")
      expectSum(dGamma, before.1, scales, accumulate, absolute: 4e-5, "dGamma \(shape)")
      expectSum(dBeta, before.2, shifts, accumulate, absolute: 2e-5, "dBeta \(shape)")
    }
    _ = scratch.values
  }
}
