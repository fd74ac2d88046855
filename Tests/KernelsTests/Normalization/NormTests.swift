import Kernels
import Tensors
import Testing

/// A normalization along groups of elements, in float64: layer norm's groups are rows, batch norm's are columns.
struct NormReference {
  var rows: Int
  var columns: Int
  var byColumn = false
  var centers = true
  let epsilon = 1e-5

  private func groups() -> [[Int]] {
    byColumn
      ? (0..<columns).map { c in (0..<rows).map { $0 * columns + c } }
      : (0..<rows).map { r in (0..<columns).map { r * columns + $0 } }
  }

  func statistics(_ x: [Double]) -> (mean: [Double], variance: [Double]) {
    let means = groups().map { group in centers ? group.map { x[$0] }.reduce(0, +) / Double(group.count) : 0 }
    let variances = zip(groups(), means).map { group, mean in
      group.map { (x[$0] - mean) * (x[$0] - mean) }.reduce(0, +) / Double(group.count)
    }
    return (means, variances)
  }

  func normalized(_ x: [Double]) -> [Double] {
    let (mean, variance) = statistics(x)
    return x.indices.map { i in
      let group = byColumn ? i % columns : i / columns
      return (x[i] - mean[group]) / (variance[group] + epsilon).squareRoot()
    }
  }

  func forward(_ x: [Double], _ gamma: [Double]?, _ beta: [Double]?) -> [Double] {
    normalized(x).enumerated().map { i, n in n * (gamma?[i % columns] ?? 1) + (beta?[i % columns] ?? 0) }
  }

  /// dx by the full Jacobian of each group, which shares no algebra with the kernels.
  func backward(_ x: [Double], _ gamma: [Double]?, _ dy: [Double]) -> [Double] {
    let n = normalized(x)
    let (_, variance) = statistics(x)
    var dx = [Double](repeating: 0, count: x.count)
    for (g, group) in groups().enumerated() {
      let inverse = 1 / (variance[g] + epsilon).squareRoot()
      let share = 1 / Double(group.count)
      for j in group {
        for i in group {
          let jacobian = inverse * ((i == j ? 1 : 0) - (centers ? share : 0) - n[i] * n[j] * share)
          dx[j] += dy[i] * (gamma?[i % columns] ?? 1) * jacobian
        }
      }
    }
    return dx
  }

  func parameterGradients(_ x: [Double], _ dy: [Double]) -> (gamma: [Double], beta: [Double]) {
    var (gamma, beta) = ([Double](repeating: 0, count: columns), [Double](repeating: 0, count: columns))
    for (i, n) in normalized(x).enumerated() {
      gamma[i % columns] += dy[i] * n
      beta[i % columns] += dy[i]
    }
    return (gamma, beta)
  }
}

@Suite struct NormTests {
  static let shapes = [(1, 1), (2, 15), (3, 16), (5, 17), (33, 33), (70, 100), (2, 600), (67, 130)]

  @Test(arguments: shapes, bothTypes) func layerNorm(shape: (Int, Int), type: ElementType) {
    let (rows, columns) = shape
    for hasParameters in [true, false] {
      let reference = NormReference(rows: rows, columns: columns)
      let x = TestTensor((0..<rows * columns).map { Float($0 % 11) * 0.3 + 5 }, type)
      let dy = TestTensor(random: rows * columns, type, stream: 1)
      let gamma = hasParameters ? TestTensor(random: columns, stream: 2) : nil
      let beta = hasParameters ? TestTensor(random: columns, stream: 3) : nil
      let y = TestTensor(zeros: rows * columns, type)
      let (mean, inverse) = (TestTensor(zeros: rows), TestTensor(zeros: rows))
      let kernel = RowNormKernel(rows: rows, columns: columns)
      kernel.forward(
        x.slice, gamma: gamma?.slice, beta: beta?.slice, into: y.slice, mean: mean.slice,
        inverseDeviation: inverse.slice, epsilon: 1e-5)
      let (means, variances) = reference.statistics(x.doubles)
      expectClose(mean.values, means, relative: 1e-6)
      expectClose(inverse.values, variances.map { 1 / ($0 + 1e-5).squareRoot() }, relative: 1e-5)
      let expected = reference.forward(x.doubles, gamma?.doubles, beta?.doubles)
      expectClose(y.values, expected, relative: type.tolerance, absolute: 1e-5, "\(shape)")

      let dx = TestTensor(random: rows * columns, type, stream: 4)
      let (dGamma, dBeta) = (TestTensor(random: columns, stream: 5), TestTensor(random: columns, stream: 6))
      let gradient = reference.backward(x.doubles, gamma?.doubles, dy.doubles)
      let parameters = reference.parameterGradients(x.doubles, dy.doubles)
      for accumulate in [true, false] {
        let before = (dx.doubles, dGamma.doubles, dBeta.doubles)
        kernel.backward(
          x.slice, gamma: gamma?.slice, mean: mean.slice, inverseDeviation: inverse.slice, dy: dy.slice, dx: dx.slice,
          accumulate: accumulate, dGamma: dGamma.slice, dBeta: dBeta.slice, accumulateParameters: accumulate)
        expectSum(dx, before.0, gradient, accumulate, relative: type.tolerance, absolute: 2e-4, "dx \(shape)")
        expectSum(dGamma, before.1, parameters.gamma, accumulate, absolute: 1e-4, "dGamma \(shape)")
        expectSum(dBeta, before.2, parameters.beta, accumulate, absolute: 1e-5, "dBeta \(shape)")
      }
      let (apart, gammaAgain) = (dx.values, dGamma.values)
      kernel.backward(
        x.slice, gamma: gamma?.slice, mean: mean.slice, inverseDeviation: inverse.slice, dy: dy.slice, dx: dy.slice,
        accumulate: false, dGamma: dGamma.slice, dBeta: nil, accumulateParameters: false)
      #expect(dy.values == apart && dGamma.values == gammaAgain)
    }
  }

  @Test(arguments: shapes, bothTypes) func rmsNorm(shape: (Int, Int), type: ElementType) {
    let (rows, columns) = shape
    let reference = NormReference(rows: rows, columns: columns, centers: false)
    let x = TestTensor(random: rows * columns, type, stream: 1)
    let dy = TestTensor(random: rows * columns, type, stream: 2)
    let gamma = TestTensor(random: columns, stream: 3)
    let y = TestTensor(zeros: rows * columns, type)
    let inverse = TestTensor(zeros: rows)
    let kernel = RowNormKernel(rows: rows, columns: columns)
    kernel.forward(
      x.slice, gamma: gamma.slice, beta: nil, into: y.slice, mean: nil, inverseDeviation: inverse.slice, epsilon: 1e-5)
    let expected = reference.forward(x.doubles, gamma.doubles, nil)
    expectClose(y.values, expected, relative: type.tolerance, absolute: 1e-6, "\(shape)")
    let dx = TestTensor(random: rows * columns, type, stream: 4)
    let dGamma = TestTensor(random: columns, stream: 5)
    let gradient = reference.backward(x.doubles, gamma.doubles, dy.doubles)
    let parameters = reference.parameterGradients(x.doubles, dy.doubles)
    for accumulate in [true, false] {
      let before = (dx.doubles, dGamma.doubles)
      kernel.backward(
        x.slice, gamma: gamma.slice, mean: nil, inverseDeviation: inverse.slice, dy: dy.slice, dx: dx.slice,
        accumulate: accumulate, dGamma: dGamma.slice, dBeta: nil, accumulateParameters: accumulate)
      expectSum(dx, before.0, gradient, accumulate, relative: type.tolerance, absolute: 1e-4, "dx \(shape)")
      expectSum(dGamma, before.1, parameters.gamma, accumulate, absolute: 2e-5, "dGamma \(shape)")
    }
  }

  @Test func nanComesOut() {
    let x = TestTensor([1, 2, .nan, 4, 1, 2, 3, 4])
    let y = TestTensor(zeros: 8)
    let (mean, inverse) = (TestTensor(zeros: 2), TestTensor(zeros: 2))
    let kernel = RowNormKernel(rows: 2, columns: 4)
    kernel.forward(
      x.slice, gamma: nil, beta: nil, into: y.slice, mean: mean.slice, inverseDeviation: inverse.slice, epsilon: 1e-5)
    #expect(y.values[0..<4].allSatisfy { $0.isNaN } && !y.values[4..<8].contains { $0.isNaN })
    kernel.forward(
      x.slice, gamma: nil, beta: nil, into: y.slice, mean: nil, inverseDeviation: inverse.slice, epsilon: 1e-5)
    #expect(y.values[0..<4].allSatisfy { $0.isNaN } && !y.values[4..<8].contains { $0.isNaN })
  }
}

/// Expects `gradient`, on top of `before` when `accumulate`.
func expectSum(
  _ tensor: TestTensor, _ before: [Double], _ gradient: [Double], _ accumulate: Bool, relative: Double = 1e-5,
  absolute: Double, _ comment: Comment, sourceLocation: SourceLocation = #_sourceLocation
) {
  let expected = accumulate ? zip(before, gradient).map(+) : gradient
  expectClose(
    tensor.values, expected, relative: relative, absolute: absolute, comment, sourceLocation: sourceLocation)
}
