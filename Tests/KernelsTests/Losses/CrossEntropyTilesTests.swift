import Foundation
import Kernels
import Tensors
import Testing

/// Logits that come tile by tile against the same logits as a whole.
@Suite struct CrossEntropyTilesTests {
  private static let rows = 12
  private static let classes = 150

  private struct Outcome {
    var sums: LossSums
    var logSumExp: [Float]
    var gradient: [Float]
  }

  private func whole(_ kernel: CrossEntropyKernel, _ logits: [Float], _ targets: TestTensor, _ valid: Int) -> Outcome {
    let (x, logSumExp) = (TestTensor(logits), TestTensor(zeros: Self.rows))
    let sums = kernel.forward(x.slice, targets: targets.slice, validRows: valid, logSumExp: logSumExp.slice)
    kernel.backward(x.slice, targets: targets.slice, validRows: valid, logSumExp: logSumExp.slice, into: x.slice)
    return Outcome(sums: sums, logSumExp: logSumExp.values, gradient: x.values)
  }

  /// Blocks of 5 rows, so that sequences and valid rows end within one, and classes up to each of `ends`.
  private func tiled(
    _ kernel: CrossEntropyKernel, _ logits: [Float], _ targets: TestTensor, _ valid: Int, ends: [Int]
  ) -> Outcome {
    let logSumExp = TestTensor(zeros: Self.rows)
    let states = TestTensor(zeros: 5 * CrossEntropyKernel.rowStateByteCount / 4)
    var gradient = [Float](repeating: .nan, count: logits.count)
    var tally = kernel.tally()
    for first in stride(from: 0, to: Self.rows, by: 5) {
      let rows = first..<min(Self.rows, first + 5)
      let groups = zip([0] + ends, ends).map { $0..<$1 }
      func tile(_ group: Range<Int>) -> TestTensor {
        TestTensor(
          rows.flatMap { row in
            logits[row * Self.classes + group.lowerBound..<row * Self.classes + group.upperBound]
          })
      }
      for group in groups {
        kernel.read(
          tile(group).slice, rows: rows, classes: group, targets: targets.slice, validRows: valid, states: states.slice)
      }
      kernel.finish(
        rows: rows, targets: targets.slice, validRows: valid, states: states.slice, logSumExp: logSumExp.slice,
        tally: &tally)
      for group in groups {
        let x = tile(group)
        kernel.backward(
          x.slice, rows: rows, classes: group, targets: targets.slice, validRows: valid, logSumExp: logSumExp.slice)
        for (index, row) in rows.enumerated() {
          for (place, c) in group.enumerated() {
            gradient[row * Self.classes + c] = x.values[index * group.count + place]
          }
        }
      }
    }
    return Outcome(sums: tally.closed, logSumExp: logSumExp.values, gradient: gradient)
  }

  private func compare(_ a: Outcome, _ b: Outcome) {
    #expect(abs(a.sums.value - b.sums.value) <= 1e-6 * abs(b.sums.value))
    #expect(a.sums.weight == b.sums.weight && a.sums.count == b.sums.count && a.sums.correct == b.sums.correct)
    #expect(a.sums.sequences == b.sums.sequences && a.sums.exactSequences == b.sums.exactSequences)
    #expect(zip(a.logSumExp, b.logSumExp).allSatisfy { abs($0 - $1) <= 1e-6 * max(1, abs($1)) })
    #expect(zip(a.gradient, b.gradient).allSatisfy { abs($0 - $1) <= 2e-6 })
  }

  @Test(arguments: [[150], [64, 128, 150], [1, 17, 149, 150]], [0, 7, 12])
  func tilesEqualTheWhole(ends: [Int], valid: Int) {
    let random = RandomStream(seed: 31, purpose: .checking)
    let weights = TestTensor((0..<Self.classes).map { 0.5 + Float($0 % 4) })
    let cases: [(Double, Bool, Float)] = [
      (0, false, 0), (0.1, false, 0), (0, true, 0), (0.2, true, 0), (0.1, true, 60),
    ]
    for (smoothing, isWeighted, offset) in cases {
      // Steps of 1/2: the largest logit of a row is nearly always there several times, in several tiles.
      var logits = (0..<Self.rows * Self.classes).map { offset + (4 * random.normal($0)).rounded() / 2 }
      // Masked classes, from the first on and up to the last.
      for c in 0..<80 { logits[c] = -.infinity }
      for c in 20..<Self.classes { logits[Self.classes + c] = -.infinity }
      if smoothing > 0 { for i in logits.indices where logits[i] == -.infinity { logits[i] = -100 } }
      var targets = (0..<Self.rows).map { row -> Float in
        let x = logits[row * Self.classes..<(row + 1) * Self.classes]
        let first = x.indices.max { x[$0] < x[$1] || x[$0] == x[$1] && $0 > $1 } ?? 0
        let last = x.indices.max { x[$0] < x[$1] || x[$0] == x[$1] && $0 < $1 } ?? 0
        return Float((row % 4 == 3 ? last : first) - row * Self.classes)
      }
      targets[5] = -1
      let kernel = CrossEntropyKernel(
        rows: Self.rows, classes: Self.classes, labelSmoothing: Float(smoothing),
        classWeights: isWeighted ? weights.slice : nil, sequenceLength: 3)
      let tensor = TestTensor(targets, .int32)
      let expected = whole(kernel, logits, tensor, valid)
      #expect(valid < 12 || expected.sums.correct > 6 && expected.sums.exactSequences > 0)
      compare(tiled(kernel, logits, tensor, valid, ends: ends), expected)
    }
  }

  @Test(arguments: [Float.nan, .infinity]) func nanStaysVisible(_ value: Float) {
    var logits = (0..<Self.rows * Self.classes).map { Float($0 % 7) }
    logits[2 * Self.classes + 100] = value
    let kernel = CrossEntropyKernel(rows: Self.rows, classes: Self.classes)
    let targets = TestTensor([Float](repeating: 100, count: Self.rows), .int32)
    let sums = tiled(kernel, logits, targets, Self.rows, ends: [64, 128, 150]).sums
    #expect(sums.value.isNaN && sums.correct == whole(kernel, logits, targets, Self.rows).sums.correct)
    // A row of which every logit is −∞.
    for c in 0..<Self.classes { logits[2 * Self.classes + c] = -.infinity }
    #expect(tiled(kernel, logits, targets, Self.rows, ends: [64, 128, 150]).sums.value.isNaN)
  }
}
