import Foundation
import Kernels
import Tensors
import Testing

@Suite struct ActivationTests {
  private func value(_ activation: Activation, _ x: Double) -> Double {
    switch activation {
    case .identity: x
    case .sigmoid: 1 / (1 + exp(-x))
    case .tanh: tanh(x)
    case .relu: x < 0 ? 0 : x
    case .leakyReLU: x < 0 ? 0.01 * x : x
    case .silu: x / (1 + exp(-x))
    case .gelu: x * 0.5 * erfc(-x / 2.0.squareRoot())
    case .geluTanh: 0.5 * x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
    case .softplus: x > 0 ? x + log1p(exp(-x)) : log1p(exp(x))
    }
  }

  private func slope(_ activation: Activation, _ x: Double) -> Double {
    switch activation {
    case .identity: 1
    case .sigmoid: 1 / (2 + exp(x) + exp(-x))
    case .tanh: 1 - tanh(x) * tanh(x)
    case .relu: x > 0 ? 1 : 0
    case .leakyReLU: x > 0 ? 1 : 0.01
    case .softplus: 1 / (1 + exp(-x))
    case .silu, .gelu, .geluTanh: (value(activation, x + 1e-5) - value(activation, x - 1e-5)) / 2e-5
    }
  }

  private let points: [Float] = [
    -30, -12.5, -6, -5, -4, -3, -2.5, -2, -1.5, -1, -0.7, -0.6, -0.3, -0.1, -1e-3, -1e-20, -0.0, 0, 1e-20, 1e-3, 0.1,
    0.25, 0.5, 0.62, 0.63, 0.9, 1.2, 1.7, 2.2, 3.1, 4.5, 7, 13, 30,
  ]

  @Test(arguments: Activation.allCases, bothTypes) func forwardFollowsTheFormula(
    activation: Activation, type: ElementType
  ) {
    for count in oddSizes {
      let x = TestTensor((0..<count).map { points[$0 % points.count] }, type)
      let y = TestTensor(zeros: count, type)
      activation.apply(x.slice, into: y.slice)
      let expected = x.doubles.map { value(activation, $0) }
      expectClose(y.values, expected, relative: type.tolerance, absolute: 2e-7, "\(activation) \(count)")
      let result = y.values
      activation.apply(x.slice, into: x.slice)
      #expect(x.values == result)
    }
  }

  @Test(arguments: Activation.allCases, bothTypes) func backwardFollowsTheFormula(
    activation: Activation, type: ElementType
  ) {
    for count in oddSizes {
      let x = TestTensor((0..<count).map { points[$0 % points.count] }, type)
      let kept = TestTensor(zeros: count, type)
      let followsFromOutput = activation.derivativeFollowsFromOutput
      if followsFromOutput { activation.apply(x.slice, into: kept.slice) } else { kept.slice.copy(from: x.slice) }
      let dy = TestTensor(random: count, type, stream: 1)
      let dx = TestTensor(zeros: count, type)
      activation.backward(kept: kept.slice, dy: dy.slice, dx: dx.slice, accumulate: false)
      var expected = zip(x.doubles, dy.doubles).map { slope(activation, $0) * $1 }
      // An output that was rounded to bfloat16 near the end of its range gives its slope to that accuracy only.
      let lost = type == .bfloat16 && followsFromOutput ? 0x1p-7 : 1e-6
      expectClose(dx.values, expected, relative: type.tolerance, absolute: lost * 3, "\(activation) \(count)")
      let sum = TestTensor(random: count, type, stream: 2)
      expected = zip(sum.doubles, expected).map { $0 + $1 }
      activation.backward(kept: kept.slice, dy: dy.slice, dx: sum.slice, accumulate: true)
      expectClose(sum.values, expected, relative: type.tolerance, absolute: lost * 3, "\(activation) \(count) +=")
    }
  }

  @Test(arguments: Activation.allCases) func nanComesOut(activation: Activation) {
    let kept = TestTensor([.nan, 1, .nan])
    let y = TestTensor(zeros: 3)
    activation.apply(kept.slice, into: y.slice)
    #expect(y.values[0].isNaN && !y.values[1].isNaN && y.values[2].isNaN)
    if activation != .identity {
      activation.backward(kept: kept.slice, dy: TestTensor([1, 1, 1]).slice, dx: y.slice, accumulate: false)
      #expect(y.values[0].isNaN && !y.values[1].isNaN)
    }
    activation.backward(kept: TestTensor([0.5, 0.5, 0.5]).slice, dy: kept.slice, dx: y.slice, accumulate: false)
    #expect(y.values[0].isNaN && !y.values[1].isNaN)
    if !activation.saturates {
      activation.apply(TestTensor([.infinity, .infinity, .infinity]).slice, into: y.slice)
      #expect(y.values.allSatisfy { $0 == .infinity })
    }
  }

  @Test(arguments: Activation.allCases, bothTypes) func biasGradientIsComputedInTheSamePass(
    activation: Activation, type: ElementType
  ) {
    for (rows, columns) in [(1, 1), (3, 15), (4, 16), (5, 17), (70, 33), (131, 100), (9, 600), (64, 1024)] {
      let kept = TestTensor(random: rows * columns, type, stream: 3)
      let dy = TestTensor(random: rows * columns, type, stream: 4)
      let dx = TestTensor(zeros: rows * columns, type)
      let alone = TestTensor(zeros: rows * columns, type)
      let bias = TestTensor(random: columns, stream: 5)
      let before = bias.doubles
      activation.backward(kept: kept.slice, dy: dy.slice, dx: alone.slice, accumulate: false)
      activation.backwardWithBias(
        kept: kept.slice, dy: dy.slice, dx: dx.slice, biasGradient: bias.slice, rows: rows, columns: columns,
        accumulateBias: true)
      #expect(dx.values == alone.values)
      let exact = TestTensor(zeros: rows * columns)
      let (wideKept, wideDy) = (TestTensor(kept.values), TestTensor(dy.values))
      activation.backward(kept: wideKept.slice, dy: wideDy.slice, dx: exact.slice, accumulate: false)
      let sums = columnSums(exact.doubles, columns)
      // Softplus, given outputs that it cannot have, has slopes far above 1.
      let largest = exact.doubles.reduce(1) { max($0, abs($1)) }
      let accuracy = 1e-6 * Double(rows).squareRoot() * largest
      expectClose(bias.values, zip(before, sums).map(+), relative: 1e-6, absolute: accuracy, "\(rows)x\(columns)")
      activation.backwardWithBias(
        kept: kept.slice, dy: dy.slice, dx: dy.slice, biasGradient: bias.slice, rows: rows, columns: columns,
        accumulateBias: false)
      #expect(dy.values == dx.values)
      expectClose(bias.values, sums, relative: 1e-6, absolute: accuracy)
    }
  }

  @Test(arguments: bothTypes) func columnSumsAreAccurate(type: ElementType) {
    for (rows, columns) in [(1, 1), (2, 15), (65, 16), (3, 17), (1000, 33), (129, 513), (20_000, 3)] {
      let x = TestTensor((0..<rows * columns).map { Float($0 % 7) * 0.37 + 10 }, type)
      let sums = TestTensor([Float](repeating: 5, count: columns))
      ColumnSums.add(x.slice, rows: rows, columns: columns, into: sums.slice, accumulate: true)
      let expected = columnSums(x.doubles, columns)
      expectClose(sums.values, expected.map { $0 + 5 }, relative: 1e-6)
      ColumnSums.add(x.slice, rows: rows, columns: columns, into: sums.slice, accumulate: false)
      expectClose(sums.values, expected, relative: 1e-6)
    }
  }

  private func columnSums(_ x: [Double], _ columns: Int) -> [Double] {
    var sums = [Double](repeating: 0, count: columns)
    for (i, value) in x.enumerated() { sums[i % columns] += value }
    return sums
  }
}
