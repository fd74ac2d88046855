import Foundation
import Kernels
import Tensors
import Testing

@Suite struct StatisticsTests {
  @Test(arguments: oddSizes + [0, 31, 32, 5000]) func measuresWhatIsThere(count: Int) {
    let x = TestTensor(random: count, stream: 1)
    let statistics = Statistics.measure(x.slice)
    let expected = x.doubles.map { $0 * $0 }.reduce(0, +)
    #expect(abs(statistics.sumOfSquares - expected) <= 1e-6 * expected)
    #expect(statistics.largest == (x.values.map(abs).max() ?? 0) && statistics.nonfinite == 0)
  }

  @Test(arguments: oddSizes) func countsNonfiniteElements(count: Int) {
    for i in 0..<count {
      var values = [Float](repeating: -2, count: count)
      values[i] = .infinity
      #expect(
        Statistics.measure(TestTensor(values).slice)
          == TensorStatistics(sumOfSquares: .infinity, largest: .infinity, nonfinite: 1))
      values[i] = .nan
      let statistics = Statistics.measure(TestTensor(values).slice)
      #expect(statistics.sumOfSquares.isNaN && statistics.largest.isNaN && statistics.nonfinite == 1)
    }
    let all = Statistics.measure(TestTensor([Float](repeating: -.infinity, count: count)).slice)
    #expect(all.nonfinite == count)
  }

  /// All magnitudes of float32 in steps of √10, with values beside the largest that are up to 10⁶ times smaller.
  @Test func tensorsOfEveryMagnitudeHaveANorm() {
    for exponent in stride(from: -31.5, through: 37.5, by: 0.5) {
      let magnitude = Float(Foundation.pow(10, exponent))
      let x = TestTensor((0..<1000).map { magnitude * Float(Foundation.pow(10, -Double($0 % 13) / 2)) })
      let statistics = Statistics.measure(x.slice)
      let expected = x.doubles.map { $0 * $0 }.reduce(0, +)
      #expect(abs(statistics.sumOfSquares / expected - 1) < 1e-6, "at 1e\(exponent)")
      #expect(statistics.largest == magnitude && statistics.nonfinite == 0)
    }
  }

  @Test func statisticsMerge() {
    var statistics = TensorStatistics(sumOfSquares: 1, largest: 2, nonfinite: 3)
    statistics.merge(TensorStatistics(sumOfSquares: 4, largest: 1, nonfinite: 1))
    #expect(statistics == TensorStatistics(sumOfSquares: 5, largest: 2, nonfinite: 4))
    statistics.merge(TensorStatistics(sumOfSquares: .nan, largest: .nan, nonfinite: 1))
    statistics.merge(TensorStatistics(sumOfSquares: 1, largest: 9))
    #expect(statistics.largest.isNaN && statistics.sumOfSquares.isNaN && statistics.nonfinite == 5)
  }

  @Test(arguments: oddSizes) func gradientsMergeAndFinish(count: Int) {
    let a = TestTensor(random: count, stream: 1)
    let b = TestTensor(random: count, stream: 2)
    let sum = zip(a.values, b.values).map { $0 + $1 }
    GradientKernel.merge(b.slice, into: a.slice)
    #expect(a.values == sum)
    let finished = GradientKernel.finish(a.slice, adding: b.slice, scale: 0.25)
    #expect(a.values == zip(sum, b.values).map { ($0 + $1) * 0.25 })
    #expect(finished == Statistics.measure(a.slice))
    let before = a.values
    let scaled = GradientKernel.finish(a.slice, adding: nil, scale: -2)
    #expect(a.values == before.map { $0 * -2 })
    #expect(scaled == Statistics.measure(a.slice))
  }

  @Test(arguments: oddSizes, bothTypes) func activationStatistics(columns: Int, type: ElementType) {
    let rows = 70
    var values = TestTensor(random: rows * columns, stream: 1).values.map { max($0, 0) }
    for row in 0..<rows { values[row * columns] = 0 }
    let y = TestTensor(values, type)
    let relu = ActivationStatistics.measure(y.slice, rows: rows, columns: columns, activation: .relu)
    let squares = y.doubles.map { $0 * $0 }.reduce(0, +)
    #expect(abs(relu.rms - (squares / Double(rows * columns)).squareRoot()) <= 1e-6 * relu.rms)
    #expect(relu.deadShare == 1 / Double(columns) && relu.saturatedShare == 0)
    for (activation, low, high) in [(Activation.tanh, -0.9, 0.9), (.sigmoid, 0.05, 0.95)] {
      let x = TestTensor(random: rows * columns, type, stream: 2, scale: 3)
      let output = TestTensor(zeros: rows * columns, type)
      activation.apply(x.slice, into: output.slice)
      let statistics = ActivationStatistics.measure(output.slice, rows: rows, columns: columns, activation: activation)
      // The bounds themselves are float32.
      let saturated = output.values.count { $0 < Float(low) || $0 > Float(high) }
      #expect(abs(statistics.saturatedShare - Double(saturated) / Double(rows * columns)) < 1e-12)
      #expect(statistics.deadShare == 0)
    }
  }
}
