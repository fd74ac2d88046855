import Foundation
import Kernels
import Tensors
import Testing

@Suite struct ElementwiseLossTests {
  @Test(arguments: oddSizes + [1500], bothTypes) func squaredError(columns: Int, type: ElementType) {
    let rows = 3
    let x = TestTensor(random: rows * columns, type, stream: 1)
    let t = TestTensor(random: rows * columns, stream: 2)
    let kernel = ElementwiseLossKernel(.squaredError, rows: rows, columns: columns)
    for validRows in 0...rows {
      let count = validRows * columns
      let errors = zip(x.doubles, t.doubles).map { $0 - $1 }
      let sums = kernel.forward(x.slice, targets: t.slice, validRows: validRows)
      let expected = errors[..<count].map { $0 * $0 }.reduce(0, +)
      #expect(abs(sums.value - expected) <= 1e-6 * expected)
      #expect(sums.weight == Double(count) && sums.count == Double(count) && sums.correct == 0)
      let dx = TestTensor(random: rows * columns, type, stream: 3)
      kernel.backward(x.slice, targets: t.slice, validRows: validRows, into: dx.slice)
      let gradient = errors.enumerated().map { $0 < count ? 2 * $1 : 0 }
      expectClose(dx.values, gradient, relative: type.tolerance, absolute: 1e-6)
    }
  }

  /// PyTorch's huber_loss: ½d² within δ, δ(d − ½δ) beyond.
  @Test(arguments: oddSizes + [1500], bothTypes) func huber(columns: Int, type: ElementType) {
    let (rows, delta) = (3, 0.7)
    let x = TestTensor(random: rows * columns, type, stream: 1)
    let t = TestTensor(random: rows * columns, stream: 2)
    let weights = TestTensor([2, 0.5, 3])
    let kernel = ElementwiseLossKernel(.huber(delta: 0.7), rows: rows, columns: columns)
    let errors = zip(x.doubles, t.doubles).map { $0 - $1 }
    let factors = (0..<rows * columns).map { [2, 0.5, 3][$0 / columns] }
    let sums = kernel.forward(x.slice, targets: t.slice, weights: weights.slice, validRows: 2)
    let values = zip(errors, factors).map {
      abs($0) <= delta ? 0.5 * $0 * $0 * $1 : delta * (abs($0) - 0.5 * delta) * $1
    }
    let expected = values[..<(2 * columns)].reduce(0, +)
    #expect(abs(sums.value - expected) <= 2e-6 * expected && sums.weight == Double(2 * columns))
    let dx = TestTensor(random: rows * columns, type, stream: 3)
    kernel.backward(x.slice, targets: t.slice, weights: weights.slice, validRows: 2, into: dx.slice)
    let slopes = zip(errors, factors).map { min(max($0, -delta), delta) * $1 }
    expectClose(
      dx.values, slopes.enumerated().map { $0 < 2 * columns ? $1 : 0 }, relative: type.tolerance, absolute: 1e-6)
  }

  @Test(arguments: oddSizes + [1500], bothTypes) func binaryCrossEntropy(columns: Int, type: ElementType) {
    let rows = 3
    let x = TestTensor(random: rows * columns, type, stream: 1, scale: 5)
    let t = TestTensor((0..<rows * columns).map { [0, 1, 0.25, 0.5][$0 % 4] })
    let kernel = ElementwiseLossKernel(.binaryCrossEntropy, rows: rows, columns: columns)
    for validRows in 0...rows {
      let count = validRows * columns
      let sums = kernel.forward(x.slice, targets: t.slice, validRows: validRows)
      var (value, correct) = (0.0, 0.0)
      for (z, target) in zip(x.doubles, t.doubles).prefix(count) {
        value += max(z, 0) - z * target + log1p(exp(-abs(z)))
        correct += (z > 0) == (target > 0.5) ? 1 : 0
      }
      #expect(abs(sums.value - value) <= 1e-6 * value)
      #expect(sums.weight == Double(count) && sums.correct == correct && sums.count == Double(count))
      let dx = TestTensor(random: rows * columns, type, stream: 3)
      kernel.backward(x.slice, targets: t.slice, validRows: validRows, into: dx.slice)
      let gradient = zip(x.doubles, t.doubles).enumerated().map { i, pair in
        i < count ? 1 / (1 + exp(-pair.0)) - pair.1 : 0
      }
      expectClose(dx.values, gradient, relative: type.tolerance, absolute: 3e-7)
    }
  }

  @Test func extremesAreRight() {
    let t = TestTensor([1, 0, 1])
    let kernel = ElementwiseLossKernel(.binaryCrossEntropy, rows: 1, columns: 3)
    func loss(_ x: [Float]) -> LossSums { kernel.forward(TestTensor(x).slice, targets: t.slice, validRows: 1) }
    #expect(loss([1000, -1000, 1000]).value < 1e-30)
    #expect(loss([-1000, 1000, 1000]).value == 2000)
    #expect(loss([.nan, 1, 1]).value.isNaN)
    #expect(loss([1, .nan, 1]).correct == 2)
    let squares = ElementwiseLossKernel(.squaredError, rows: 1, columns: 3)
    #expect(squares.forward(TestTensor([.infinity, 1, 1]).slice, targets: t.slice, validRows: 1).value == .infinity)
  }

  @Test func sumsMerge() {
    var sums = LossSums(value: 1, weight: 2, correct: 3, count: 4)
    sums.merge(LossSums(value: 10, weight: 2, correct: 1, count: 4))
    #expect(sums == LossSums(value: 11, weight: 4, correct: 4, count: 8))
    #expect(sums.mean == 2.75 && sums.accuracy == 0.5 && LossSums().mean == 0)
  }
}
