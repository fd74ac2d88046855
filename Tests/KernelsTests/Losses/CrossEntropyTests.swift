import Foundation
import Kernels
import Tensors
import Testing

@Suite struct CrossEntropyTests {
  private struct Reference {
    var classes: Int
    var smoothing: Double
    var weights: [Double]

    /// (1 − s)·w[t]·(−ln p[t]) + s/C·Σ w[c]·(−ln p[c]).
    func loss(_ x: ArraySlice<Double>, _ target: Int) -> Double {
      let x = Array(x)
      let largest = x.max() ?? 0
      let logSum = largest + log(x.map { exp($0 - largest) }.reduce(0, +))
      let smooth = zip(weights, x).map { $0 * (logSum - $1) }.reduce(0, +)
      return (1 - smoothing) * weights[target] * (logSum - x[target]) + smoothing / Double(classes) * smooth
    }

    func gradient(_ x: ArraySlice<Double>, _ target: Int) -> [Double] {
      let x = Array(x)
      let largest = x.max() ?? 0
      let sum = x.map { exp($0 - largest) }.reduce(0, +)
      let total = weights.reduce(0, +)
      return x.indices.map { c in
        let p = exp(x[c] - largest) / sum
        let hard = weights[target] * (p - (c == target ? 1 : 0))
        return (1 - smoothing) * hard + smoothing / Double(classes) * (total * p - weights[c])
      }
    }
  }

  @Test(arguments: [1, 2, 10, 15, 16, 17, 33, 65, 100, 1000], bothTypes)
  func followsTheFormula(classes: Int, type: ElementType) {
    let rows = 9
    let logits = TestTensor(random: rows * classes, type, stream: 1, scale: 3)
    let targets = TestTensor((0..<rows).map { Float(($0 * 7) % classes) }, .int32)
    let weights = TestTensor((0..<classes).map { 0.5 + Float($0 % 4) })
    for (smoothing, isWeighted) in [(0.0, false), (0.1, false), (0, true), (0.25, true), (1, true)] {
      let reference = Reference(
        classes: classes, smoothing: smoothing,
        weights: isWeighted ? weights.doubles : [Double](repeating: 1, count: classes))
      let kernel = CrossEntropyKernel(
        rows: rows, classes: classes, labelSmoothing: Float(smoothing),
        classWeights: isWeighted ? weights.slice : nil)
      for validRows in [0, 4, rows] {
        let logSumExp = TestTensor(zeros: rows)
        let sums = kernel.forward(
          logits.slice, targets: targets.slice, validRows: validRows, logSumExp: logSumExp.slice)
        var expected = LossSums()
        var gradient: [Double] = []
        for row in 0..<rows {
          let x = logits.doubles[row * classes..<(row + 1) * classes]
          let target = Int(targets.values[row])
          guard row < validRows else {
            gradient += [Double](repeating: 0, count: classes)
            continue
          }
          let largest = x.max()
          expected.value += reference.loss(x, target)
          expected.weight += reference.weights[target]
          expected.correct += x.firstIndex { $0 == largest } == x.startIndex + target ? 1 : 0
          expected.count += 1
          gradient += reference.gradient(x, target)
        }
        #expect(abs(sums.value - expected.value) <= 1e-6 * expected.value + 1e-6)
        #expect(sums.weight == expected.weight && sums.correct == expected.correct && sums.count == expected.count)
        let dx = TestTensor(random: rows * classes, type, stream: 2)
        kernel.backward(
          logits.slice, targets: targets.slice, validRows: validRows, logSumExp: logSumExp.slice, into: dx.slice)
        expectClose(
          dx.values, gradient, relative: 2 * type.tolerance, absolute: 3e-6, "\(classes) \(smoothing) \(isWeighted)")
      }
    }
  }

  /// Σ q̂[c]·(−ln p[c]) with q̂[c] = ((1 − s)·q[c] + s/C)·w[c], and its derivative.
  @Test(arguments: [1, 2, 10, 16, 33, 100, 1000], bothTypes)
  func sharesFollowTheFormula(classes: Int, type: ElementType) {
    let rows = 5
    let logits = TestTensor(random: rows * classes, type, stream: 1, scale: 3)
    let levels: [Int] = (0..<rows * classes).map { $0 % 5 == 0 ? 0 : ($0 * 13) % 11 }
    let shares = TestTensor(levels.map { Float($0) / Float(6 * classes) })
    let weights = TestTensor((0..<classes).map { 0.5 + Float($0 % 4) })
    for (smoothing, isWeighted) in [(0.0, false), (0.1, false), (0, true), (0.25, true), (1, true)] {
      let kernel = CrossEntropyKernel(
        rows: rows, classes: classes, labelSmoothing: Float(smoothing), classWeights: isWeighted ? weights.slice : nil)
      for validRows in [0, 3, rows] {
        let logSumExp = TestTensor(zeros: rows)
        let sums = kernel.forward(logits.slice, shares: shares.slice, validRows: validRows, logSumExp: logSumExp.slice)
        var expected = LossSums()
        var gradient: [Double] = []
        for row in 0..<rows {
          let x = Array(logits.doubles[row * classes..<(row + 1) * classes])
          let q = Array(shares.doubles[row * classes..<(row + 1) * classes])
          guard row < validRows else {
            gradient += [Double](repeating: 0, count: classes)
            continue
          }
          let target = q.indices.map { c -> Double in
            let smoothed = (1 - smoothing) * q[c] + smoothing / Double(classes)
            return isWeighted ? smoothed * weights.doubles[c] : smoothed
          }
          let largest = x.max() ?? 0
          let norm = largest + log(x.map { exp($0 - largest) }.reduce(0, +))
          let best = q.firstIndex(of: q.max() ?? 0)
          if x.firstIndex(of: largest) == best { expected.correct += 1 }
          let total = target.reduce(0, +)
          for c in q.indices {
            expected.value += target[c] * (norm - x[c])
            gradient.append(exp(x[c] - norm) * total - target[c])
          }
        }
        #expect(abs(sums.value - expected.value) <= 2e-6 * expected.value + 1e-6)
        #expect(sums.weight == Double(validRows) && sums.count == Double(validRows) && sums.correct == expected.correct)
        let dx = TestTensor(random: rows * classes, type, stream: 2)
        kernel.backward(
          logits.slice, shares: shares.slice, validRows: validRows, logSumExp: logSumExp.slice, into: dx.slice)
        expectClose(
          dx.values, gradient, relative: 2 * type.tolerance, absolute: 3e-6, "\(classes) \(smoothing) \(isWeighted)")
      }
    }
  }

  @Test func wholeSharesAreClasses() {
    let logits = TestTensor(random: 12 * 7, stream: 3, scale: 2)
    let classes = (0..<12).map { ($0 * 5) % 7 }
    let shares = TestTensor((0..<12 * 7).map { $0 % 7 == classes[$0 / 7] ? 1 : 0 })
    let (a, b) = (TestTensor(zeros: 12), TestTensor(zeros: 12))
    let kernel = CrossEntropyKernel(rows: 12, classes: 7, labelSmoothing: 0.1)
    let byClass = kernel.forward(
      logits.slice, targets: TestTensor(classes.map(Float.init), .int32).slice, validRows: 12, logSumExp: a.slice)
    let byShare = kernel.forward(logits.slice, shares: shares.slice, validRows: 12, logSumExp: b.slice)
    #expect(abs(byClass.value - byShare.value) < 1e-5 && byClass.correct == byShare.correct && byShare.weight == 12)
    #expect(a.values == b.values)
    // A class that a row has no share of may be impossible.
    let plain = CrossEntropyKernel(rows: 1, classes: 3)
    let row = TestTensor(zeros: 1)
    let sums = plain.forward(
      TestTensor([1, -.infinity, 1]).slice, shares: TestTensor([0.5, 0, 0.5]).slice, validRows: 1, logSumExp: row.slice)
    #expect(abs(sums.value - log(2)) < 1e-6 && sums.correct == 1)
    let nan = plain.forward(
      TestTensor([1, .nan, 1]).slice, shares: TestTensor([0.5, 0, 0.5]).slice, validRows: 1, logSumExp: row.slice)
    #expect(nan.value.isNaN && nan.correct == 0)
  }

  @Test func valuesComputedByHand() {
    let logits = TestTensor([1, 2, 3, 0.5, -1, 2, 0, 0, 0])
    let targets = TestTensor([2, 0, 1], .int32)
    let weights = TestTensor([1, 2, 0.5])
    let rows = TestTensor(zeros: 3)
    let plain = CrossEntropyKernel(rows: 3, classes: 3)
    let sums = plain.forward(logits.slice, targets: targets.slice, validRows: 3, logSumExp: rows.slice)
    // Rows: ln(1 + e⁻¹ + e⁻²), 1.5 + ln(1 + e⁻¹·⁵ + e⁻³), ln 3.
    let hand = log(1 + exp(-1.0) + exp(-2.0)) + 1.5 + log(1 + exp(-1.5) + exp(-3.0)) + log(3.0)
    #expect(abs(sums.value - hand) < 1e-6 && sums.weight == 3 && sums.correct == 1)
    let weighted = CrossEntropyKernel(rows: 3, classes: 3, classWeights: weights.slice)
    let weightedSums = weighted.forward(logits.slice, targets: targets.slice, validRows: 3, logSumExp: rows.slice)
    let (first, second) = (log(1 + exp(-1.0) + exp(-2.0)), 1.5 + log(1 + exp(-1.5) + exp(-3.0)))
    #expect(abs(weightedSums.value - (0.5 * first + second + 2 * log(3.0))) < 1e-6 && weightedSums.weight == 3.5)
  }

  @Test func tiesGoToTheFirst() {
    let rows = TestTensor(zeros: 2)
    for (target, correct) in [(0, 0.0), (3, 2.0), (20, 0.0)] {
      var values = [Float](repeating: 0, count: 80)
      for i in [3, 20, 43, 60] { values[i] = 5 }
      let kernel = CrossEntropyKernel(rows: 2, classes: 40)
      let sums = kernel.forward(
        TestTensor(values).slice, targets: TestTensor([Float(target), Float(target)], .int32).slice, validRows: 2,
        logSumExp: rows.slice)
      #expect(sums.correct == correct)
    }
  }

  @Test func extremesAreRight() {
    let rows = TestTensor(zeros: 3)
    let kernel = CrossEntropyKernel(rows: 3, classes: 2)
    let targets = TestTensor([0, 0, 0], .int32)
    func loss(_ x: [Float]) -> LossSums {
      kernel.forward(TestTensor(x).slice, targets: targets.slice, validRows: 3, logSumExp: rows.slice)
    }
    #expect(loss([1, 2, .nan, 0, 1, 1]).value.isNaN)
    #expect(loss([1, 2, 0, .nan, 1, 1]).value.isNaN)
    #expect(loss([1, 2, 0, .nan, 1, 1]).correct == 1)
    #expect(!loss([1, 2, .infinity, 0, 1, 1]).value.isFinite)
    #expect(loss([1, 2, -.infinity, 0, 1, 1]).value == .infinity)
    #expect(abs(loss([1e4, -1e4, 1e30, 0, -1e30, 0]).value - 1e30) < 1e24)
  }

  @Test func negativeTargetsAreIgnored() {
    let logits = TestTensor([1, 2, 3, 4, 5, 6])
    let targets = TestTensor([1, -100, 0], .int32)
    let rows = TestTensor(zeros: 3)
    let kernel = CrossEntropyKernel(rows: 3, classes: 2)
    let sums = kernel.forward(logits.slice, targets: targets.slice, validRows: 3, logSumExp: rows.slice)
    #expect(sums.count == 2 && sums.weight == 2)
    kernel.backward(
      logits.slice, targets: targets.slice, validRows: 3, logSumExp: rows.slice, into: logits.slice)
    #expect(logits.values[2] == 0 && logits.values[3] == 0 && logits.values[0] > 0)
  }

  @Test func manyClasses() {
    let classes = 50_000
    let logits = TestTensor(random: classes, stream: 1)
    let rows = TestTensor(zeros: 1)
    let kernel = CrossEntropyKernel(rows: 1, classes: classes)
    let sums = kernel.forward(
      logits.slice, targets: TestTensor([49_999], .int32).slice, validRows: 1, logSumExp: rows.slice)
    let reference = Reference(classes: classes, smoothing: 0, weights: [Double](repeating: 1, count: classes))
    #expect(abs(sums.value - reference.loss(logits.doubles[...], 49_999)) < 2e-6)
  }
}
