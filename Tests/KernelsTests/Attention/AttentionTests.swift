import Foundation
import Kernels
import Tensors
import Testing

/// Queries, keys and values in tensors of their own, forwards and backwards.
struct AttentionRun {
  let shape: AttentionShape
  let queries, keys, values, output, logSumExp, outputGradient: TestTensor
  let gradients: [TestTensor]
  let mask, bias: TestTensor?
  let biasGradient: TestTensor

  init(
    _ shape: AttentionShape, _ type: ElementType, mask: [Float]? = nil, bias: [Float]? = nil,
    random: RandomStream? = nil
  ) {
    self.shape = shape
    let width = shape.heads * shape.headDimension
    let keyWidth = shape.keyHeads * shape.headDimension
    let count = shape.batch * shape.queries * width
    let keyCount = shape.batch * shape.keys * keyWidth
    queries = TestTensor(random: count, type, stream: 1)
    keys = TestTensor(random: keyCount, type, stream: 2)
    values = TestTensor(random: keyCount, type, stream: 3)
    outputGradient = TestTensor(random: count, type, stream: 4)
    output = TestTensor(zeros: count, type)
    logSumExp = TestTensor(zeros: shape.batch * shape.heads * shape.queries)
    gradients = [count, keyCount, keyCount].map { TestTensor(zeros: $0, type) }
    self.mask = mask.map { TestTensor($0, .int32) }
    self.bias = bias.map { TestTensor($0) }
    biasGradient = TestTensor(zeros: bias?.count ?? 1)
    let kernel = AttentionKernel(shape)
    func view(_ tensor: TestTensor, isKeys: Bool) -> AttentionHeads {
      AttentionHeads(
        tensor.slice, tokens: isKeys ? shape.keys : shape.queries, stride: isKeys ? keyWidth : width)
    }
    for backward in [false, true] {
      let bytes = kernel.scratchByteCount(type, backward: backward)
      // Poisoned, so that unwritten elements show.
      let scratch = TestTensor([Float](repeating: .nan, count: bytes / 4))
      if backward {
        kernel.backward(
          queries: view(queries, isKeys: false), keys: view(keys, isKeys: true), values: view(values, isKeys: true),
          mask: self.mask?.slice, bias: self.bias?.slice, random: random, output: view(output, isKeys: false),
          logSumExp: logSumExp.slice, outputGradient: view(outputGradient, isKeys: false),
          into: AttentionGradients(
            queries: view(gradients[0], isKeys: false), accumulatesQueries: false,
            keys: view(gradients[1], isKeys: true), values: view(gradients[2], isKeys: true), accumulatesKeys: false),
          biasGradient: bias == nil ? nil : biasGradient.slice, accumulatesBias: false, scratch: scratch.slice)
      } else {
        kernel.forward(
          queries: view(queries, isKeys: false), keys: view(keys, isKeys: true), values: view(values, isKeys: true),
          mask: self.mask?.slice, bias: self.bias?.slice, random: random, into: view(output, isKeys: false),
          logSumExp: logSumExp.slice, scratch: scratch.slice)
      }
      _ = scratch.values.count
    }
  }

  /// Compares with the plain loops, by the length of each tensor.
  func expect(_ reference: AttentionReference, tolerance: Double, _ comment: Comment) {
    let expected = reference.run(
      queries.doubles, keys.doubles, values.doubles, outputGradient: outputGradient.doubles)
    for (name, actual, goal) in [
      ("output", output, expected.output), ("log-sum-exp", logSumExp, expected.logSumExp),
      ("dq", gradients[0], expected.queries), ("dk", gradients[1], expected.keys),
      ("dv", gradients[2], expected.values),
    ] {
      let distance = Self.distance(actual.doubles, goal)
      #expect(distance <= tolerance, "\(comment) \(name) is off by \(distance)")
    }
  }

  static func distance(_ a: [Double], _ b: [Double]) -> Double {
    let difference = zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
    return difference / max(1e-9, b.reduce(0) { $0 + $1 * $1 }.squareRoot())
  }
}

@Suite struct AttentionTests {
  private static func shape(
    _ batch: Int, _ queries: Int, _ keys: Int, heads: Int, keyHeads: Int? = nil, _ dimension: Int
  ) -> AttentionShape {
    AttentionShape(
      batch: batch, queries: queries, keys: keys, heads: heads, keyHeads: keyHeads ?? heads, headDimension: dimension,
      scale: 1 / Float(dimension).squareRoot())
  }

  private static let shapes = [
    shape(1, 1, 1, heads: 1, 8), shape(2, 5, 9, heads: 2, 20), shape(1, 37, 37, heads: 4, keyHeads: 2, 32),
    shape(2, 64, 64, heads: 1, 32), shape(1, 131, 200, heads: 2, keyHeads: 1, 64), shape(1, 70, 70, heads: 1, 80),
    shape(1, 200, 200, heads: 1, 48),
  ]

  private func tolerance(_ type: ElementType) -> Double { type == .float32 ? 3e-6 : 0.012 }

  @Test(arguments: shapes, bothTypes) func agreesWithPlainLoops(_ shape: AttentionShape, _ type: ElementType) {
    for isCausal in [false, true] where !isCausal || shape.queries == shape.keys {
      var shape = shape
      shape.isCausal = isCausal
      AttentionRun(shape, type).expect(
        AttentionReference(shape: shape), tolerance: tolerance(type), "causal: \(isCausal)")
    }
  }

  @Test(arguments: bothTypes) func hidesPadding(_ type: ElementType) {
    var shape = Self.shape(4, 9, 70, heads: 2, 16)
    shape.mask = .lengths
    let lengths = [70, 0, 1, 66]
    let run = AttentionRun(shape, type, mask: lengths.map(Float.init))
    run.expect(
      AttentionReference(shape: shape, sees: { b, _, j in j < lengths[b] }), tolerance: tolerance(type), "lengths")
    let row = run.output.values.count / 4
    #expect(run.output.values[row..<2 * row].allSatisfy { $0 == 0 })
  }

  @Test(arguments: bothTypes, [false, true]) func hidesMaskedKeys(_ type: ElementType, _ isCausal: Bool) {
    var shape = Self.shape(2, 67, 67, heads: 2, 32)
    shape.mask = .full
    shape.isCausal = isCausal
    let random = RandomStream(seed: 1, purpose: .checking)
    let count = 2 * 67 * 67
    var mask = (0..<count).map { Float(random.integer($0, below: 2)) }
    // A query that sees nothing, and one that sees a late key only.
    for j in 0..<67 { mask[5 * 67 + j] = 0 }
    for j in 0..<67 { mask[66 * 67 + j] = j == 65 ? 1 : 0 }
    let seen = mask
    AttentionRun(shape, type, mask: mask).expect(
      AttentionReference(shape: shape, sees: { b, i, j in seen[(b * 67 + i) * 67 + j] == 1 }),
      tolerance: tolerance(type), "full")
  }

  @Test(arguments: bothTypes) func turnsByPosition(_ type: ElementType) {
    for dimension in [8, 20, 64] {
      var shape = Self.shape(2, 37, 37, heads: 2, keyHeads: 1, dimension)
      shape.isCausal = true
      shape.position = .rotary(theta: 10_000)
      AttentionRun(shape, type).expect(
        AttentionReference(shape: shape), tolerance: tolerance(type), "rope \(dimension)")
    }
  }

  @Test(arguments: bothTypes, [false, true]) func biasesByDistance(_ type: ElementType, _ isCausal: Bool) {
    var shape = Self.shape(2, 75, 75, heads: 3, 16)
    shape.isCausal = isCausal
    shape.position = .linearBias
    let slopes = AttentionPositions.slopes(heads: 3)
    AttentionRun(shape, type).expect(
      AttentionReference(shape: shape, bias: { h, distance in -Double(slopes[h]) * abs(Double(distance)) }),
      tolerance: tolerance(type), "alibi")
    shape.position = .relative(buckets: 8, largestDistance: 30)
    let table = (0..<24).map { Float($0 * 7 % 11) / 8 - 0.5 }
    func bucket(_ distance: Int) -> Int {
      AttentionPositions.bucket(offset: -distance, buckets: 8, largestDistance: 30, isCausal: isCausal)
    }
    let run = AttentionRun(shape, type, bias: table)
    let reference = AttentionReference(
      shape: shape, bias: { h, distance in Double(table[bucket(distance) * 3 + h]) })
    run.expect(reference, tolerance: tolerance(type), "relative")
    let scores = reference.run(
      run.queries.doubles, run.keys.doubles, run.values.doubles, outputGradient: run.outputGradient.doubles
    ).scores
    var expected = [Double](repeating: 0, count: 24)
    for (place, gradient) in scores.enumerated() {
      let (j, i, h) = (place % 75, place / 75 % 75, place / (75 * 75) % 3)
      expected[bucket(i - j) * 3 + h] += gradient
    }
    let distance = AttentionRun.distance(run.biasGradient.doubles, expected)
    #expect(distance <= tolerance(type), "relative bias gradient is off by \(distance)")
  }

  /// Values of ones show the factors; the reference then takes them from there.
  @Test(arguments: bothTypes) func dropsWeights(_ type: ElementType) {
    var shape = Self.shape(2, 150, 150, heads: 2, 32)
    shape.dropout = 0.25
    let random = RandomStream(seed: 3, purpose: .dropout)
    let run = AttentionRun(shape, type, random: random)
    #expect(AttentionRun(shape, type, random: random).output.values == run.output.values)
    #expect(AttentionRun(shape, type).output.values != run.output.values)
    let other = RandomStream(seed: 4, purpose: .dropout)
    #expect(AttentionRun(shape, type, random: other).output.values != run.output.values)
    // The mean over many draws is the result without dropout.
    var mean = [Double](repeating: 0, count: run.output.values.count)
    for seed in 0..<60 {
      let output = AttentionRun(shape, type, random: RandomStream(seed: UInt64(seed), purpose: .dropout)).output
      for (i, value) in output.doubles.enumerated() { mean[i] += value / 60 }
    }
    let expected = AttentionRun(shape, type).output.doubles
    // Each draw is off by about √(p/(1 − p)) of the output's length.
    #expect(AttentionRun.distance(mean, expected) < 1.3 * (0.25 / 0.75 / 60).squareRoot())
  }

  @Test(arguments: bothTypes) func showsItsWeights(_ type: ElementType) {
    var shape = Self.shape(2, 21, 21, heads: 4, keyHeads: 2, 20)
    shape.isCausal = true
    shape.mask = .lengths
    for position in [AttentionPosition.none, .rotary(theta: 100), .linearBias] {
      shape.position = position
      let slopes = AttentionPositions.slopes(heads: 4)
      let run = AttentionRun(shape, type, mask: [9, 0])
      let reference = AttentionReference(
        shape: shape, sees: { b, _, j in b == 0 && j < 9 },
        bias: { h, distance in position == .linearBias ? -Double(slopes[h]) * Double(distance) : 0 })
      let expected = reference.run(
        run.queries.doubles, run.keys.doubles, run.values.doubles, outputGradient: run.outputGradient.doubles
      ).weights
      for row in 0..<2 {
        let weights = AttentionWeights.compute(
          AttentionKernel(shape), queries: AttentionHeads(run.queries.slice, tokens: 21, stride: 80),
          keys: AttentionHeads(run.keys.slice, tokens: 21, stride: 40), mask: run.mask?.slice, bias: nil, row: row,
          heads: 1..<4)
        let goal = expected[(row * 4 + 1) * 441..<(row * 4 + 4) * 441]
        expectClose(weights, Array(goal), relative: 1e-4, absolute: 1e-6)
      }
    }
  }

  @Test func slopesAreThoseOfThePaper() {
    #expect(AttentionPositions.slopes(heads: 8) == [0.5, 0.25, 0.125, 0.0625, 0.03125, 0x1p-6, 0x1p-7, 0x1p-8])
    let twelve = AttentionPositions.slopes(heads: 12)
    #expect(twelve.prefix(8) == AttentionPositions.slopes(heads: 8)[...])
    expectClose(Array(twelve.suffix(4)), [-0.5, -1.5, -2.5, -3.5].map { pow(2, $0) }, relative: 1e-6)
    #expect(AttentionPositions.slopes(heads: 1) == [0x1p-8])
  }

  /// Numbers of Hugging Face's T5 (`_relative_position_bucket`), by key − query.
  @Test(arguments: [
    (true, [0: 0, 5: 0, -1: 1, -15: 15, -16: 16, -20: 17, -31: 21, -64: 26, -127: 31, -128: 31, -1000: 31]),
    (false, [0: 0, 1: 17, -1: 1, -7: 7, -8: 8, -16: 10, 16: 26, -31: 11, 32: 28, -64: 14, 127: 31, 1000: 31]),
  ])
  func bucketsAreThoseOfT5(_ isCausal: Bool, _ expected: [Int: Int]) {
    for (offset, bucket) in expected {
      let found = AttentionPositions.bucket(offset: offset, buckets: 32, largestDistance: 128, isCausal: isCausal)
      #expect(found == bucket, "\(offset)")
    }
  }
}
