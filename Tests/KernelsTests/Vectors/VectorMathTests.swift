import Foundation
import Kernels
import Tensors
import Testing

@Suite struct VectorMathTests {
  /// Sixteen arguments at a time over [low, high], evenly or by powers.
  private func sweep(_ low: Double, _ high: Double, geometric: Bool = false, _ body: (Vector) -> Void) {
    let count = 4096
    for block in 0..<count / 16 {
      var x = Vector.zero
      for lane in 0..<16 {
        let share = Double(block * 16 + lane) / Double(count - 1)
        x[lane] = Float(geometric ? low * pow(high / low, share) : low + (high - low) * share)
      }
      body(x)
    }
  }

  /// The largest error relative to the true value.
  private func error(
    _ low: Double, _ high: Double, geometric: Bool = false, _ f: (Vector) -> Vector, _ truth: (Double) -> Double
  ) -> Double {
    var worst = 0.0
    sweep(low, high, geometric: geometric) { x in
      let y = f(x)
      for lane in 0..<16 {
        let goal = truth(Double(x[lane]))
        if goal != 0 { worst = max(worst, abs(Double(y[lane]) - goal) / abs(goal)) }
      }
    }
    return worst
  }

  private let unit = 0x1p-23

  @Test func exponentialIsAccurate() {
    #expect(error(-87, 88, { exponential($0) }, exp) < 2 * unit)
    #expect(error(1e-38, 1, geometric: true, { exponential($0) }, exp) < unit)
    #expect(exponential(Vector(repeating: 0))[0] == 1)
    #expect(exponential(Vector(repeating: -0.0))[0] == 1)
    #expect(exponential(Vector(repeating: -.infinity))[0] < 2e-38)
    #expect(exponential(Vector(repeating: .infinity))[0] > 2e38)
    #expect(exponential(Vector(repeating: .nan))[0].isNaN)
    #expect(exponential(Vector(repeating: 0x1p-140))[0] == 1)
  }

  @Test func logarithmIsAccurate() {
    #expect(error(1.2e-38, 3.4e38, geometric: true, { logarithm($0) }, log) < 2 * unit)
    #expect(error(0.5, 2, { logarithm($0) }, log) < 3 * unit)
    #expect(logarithm(Vector(repeating: 1))[0] == 0)
    #expect(logarithm(Vector(repeating: .nan))[0].isNaN)
  }

  @Test func logarithmOfOnePlusIsAccurate() {
    #expect(error(0, 1, { logarithmOfOnePlus($0) }, log1p) < 2 * unit)
    #expect(error(1e-37, 1, geometric: true, { logarithmOfOnePlus($0) }, log1p) < 2 * unit)
    #expect(logarithmOfOnePlus(Vector(repeating: 0))[0] == 0)
    #expect(logarithmOfOnePlus(Vector(repeating: .nan))[0].isNaN)
  }

  @Test func oneMinusExponentialIsAccurate() {
    #expect(error(0, 100, { oneMinusExponential(ofMinus: $0) }, { -expm1(-$0) }) < 3 * unit)
    #expect(error(1e-37, 1, geometric: true, { oneMinusExponential(ofMinus: $0) }, { -expm1(-$0) }) < 3 * unit)
    #expect(oneMinusExponential(ofMinus: Vector(repeating: 0))[0] == 0)
    #expect(oneMinusExponential(ofMinus: Vector(repeating: .infinity))[0] == 1)
    #expect(oneMinusExponential(ofMinus: Vector(repeating: .nan))[0].isNaN)
  }

  @Test func hyperbolicTangentIsAccurate() {
    #expect(error(-12, 12, { hyperbolicTangent($0) }, tanh) < 2.5 * unit)
    #expect(error(1e-37, 50, geometric: true, { hyperbolicTangent($0) }, tanh) < 2.5 * unit)
    #expect(hyperbolicTangent(Vector(repeating: .infinity))[0] == 1)
    #expect(hyperbolicTangent(Vector(repeating: -.infinity))[0] == -1)
    #expect(hyperbolicTangent(Vector(repeating: 0))[0] == 0)
    #expect(hyperbolicTangent(Vector(repeating: -0.0))[0] == 0)
    #expect(hyperbolicTangent(Vector(repeating: .nan))[0].isNaN)
    #expect(hyperbolicTangent(Vector(repeating: 0x1p-140))[0] == 0x1p-140)
  }

  @Test func logisticIsAccurate() {
    #expect(error(-87, 87, { logistic($0) }, { 1 / (1 + exp(-$0)) }) < 3 * unit)
    #expect(logistic(Vector(repeating: .infinity))[0] == 1)
    #expect(logistic(Vector(repeating: -.infinity))[0] < 1e-38)
    #expect(logistic(Vector(repeating: 0))[0] == 0.5)
    #expect(logistic(Vector(repeating: .nan))[0].isNaN)
  }

  @Test func normalDistributionIsAccurate() {
    let truth = { (x: Double) in 0.5 * erfc(-x / 2.0.squareRoot()) }
    #expect(error(-1, 8, { normalDistribution($0) }, truth) < 4e-7)
    // Further down e^(−x²/2) magnifies the rounding of its argument.
    #expect(error(-5, -1, { normalDistribution($0) }, truth) < 3e-6)
    #expect(error(-12, -5, { normalDistribution($0) }, truth) < 2e-5)
    #expect(normalDistribution(Vector(repeating: .infinity))[0] == 1)
    #expect(normalDistribution(Vector(repeating: -.infinity))[0] < 1e-37)
    #expect(normalDistribution(Vector(repeating: .nan))[0].isNaN)
  }

  @Test(arguments: [1, 7, 16, 31]) func bfloat16RoundsAsTheScalarDoes(count: Int) {
    let numbers = RandomStream(seed: 3, purpose: .checking)
    var values = (0..<count).map { Float(bitPattern: numbers.word($0)) }
    for (i, special) in [Float.nan, .infinity, -.infinity, 0, -0.0, 0x1p-140, .greatestFiniteMagnitude].enumerated() {
      if i < count { values[count - 1 - i] = special }
    }
    let narrow = TestTensor(zeros: count, .bfloat16)
    Elementwise.convert(TestTensor(values).slice, into: narrow.slice)
    let wide = TestTensor(zeros: count)
    Elementwise.convert(narrow.slice, into: wide.slice)
    for (i, (value, result)) in zip(values, wide.values).enumerated() {
      let expected = BFloat16(value).float
      #expect(result.bitPattern == expected.bitPattern || (result.isNaN && expected.isNaN), "\(value) at \(i)")
    }
    #expect(zip(narrow.values, wide.values).allSatisfy { $0 == $1 || $0.isNaN })
  }
}
