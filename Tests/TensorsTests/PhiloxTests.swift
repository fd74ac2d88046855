import Tensors
import Testing

@Suite struct PhiloxTests {
  /// The known answers of Random123 1.14 (kat_vectors, philox4x32 with 10 rounds).
  static let answers: [(counter: SIMD4<UInt32>, key: SIMD2<UInt32>, answer: [UInt32])] = [
    (.zero, .zero, [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
    (SIMD4(repeating: .max), SIMD2(repeating: .max), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
    (
      SIMD4([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344]), SIMD2([0xa409_3822, 0x299f_31d0]),
      [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
    ),
  ]

  @Test(arguments: answers)
  func knownAnswers(counter: SIMD4<UInt32>, key: SIMD2<UInt32>, answer: [UInt32]) {
    #expect(Philox.block(counter, key: key) == SIMD4(answer))
  }

  @Test func sixteenBlocksAreThoseOneByOne() {
    let stream = RandomStream(seed: 0x1234_5678_9ABC_DEF0, purpose: .dropout, step: 77, stream: 5)
    for block in [0, 16, 4096, (1 << 32) - 16, 1 << 32, 1 << 40] {
      let wide = stream.words(sixteenBlocksFrom: block)
      for lane in 0..<16 {
        #expect(stream.words(block: block + lane) == SIMD4(wide.0[lane], wide.1[lane], wide.2[lane], wide.3[lane]))
      }
    }
  }

  @Test func purposesStepsStreamsAndSeedsShareNothing() {
    let streams = [
      RandomStream(seed: 1, purpose: .dropout), RandomStream(seed: 2, purpose: .dropout),
      RandomStream(seed: 1 << 32 | 1, purpose: .dropout), RandomStream(seed: 1, purpose: .noise),
      RandomStream(seed: 1, purpose: .dropout, step: 1), RandomStream(seed: 1, purpose: .dropout, stream: 1),
      RandomStream(seed: 1, purpose: .dropout, stream: 256),
    ]
    let words = streams.flatMap { stream in (0..<1000).map(stream.word) }
    // 7000 words of 32 bits: 0.006 equal pairs are expected.
    #expect(Set(words).count >= words.count - 1)
  }

  @Test func uniformNumbersFillTheirInterval() {
    let stream = RandomStream(seed: 9, purpose: .noise)
    let count = 100_000
    let x = (0..<count).map { Double(stream.uniform($0)) }
    #expect(x.allSatisfy { $0 >= 0 && $0 < 1 })
    #expect(abs(x.reduce(0, +) / Double(count) - 0.5) < 5 * (1 / 12.0 / Double(count)).squareRoot())
    var bins = [Int](repeating: 0, count: 20)
    for value in x { bins[Int(value * 20)] += 1 }
    // χ² with 19 degrees of freedom is beyond 50 once in ten thousand times.
    let chiSquare = bins.reduce(0) { $0 + (Double($1) - 5000) * (Double($1) - 5000) / 5000 }
    #expect(chiSquare < 50)
  }

  @Test(arguments: [1, 2, 3, 7, 1000, Int(UInt32.max)]) func integersStayBelowTheirBound(_ bound: Int) {
    let stream = RandomStream(seed: 9, purpose: .noise)
    let values = (0..<2000).map { stream.integer($0, below: bound) }
    #expect(values.allSatisfy { $0 >= 0 && $0 < bound })
    if bound <= 7 { #expect(Set(values).count == bound) }
  }

  @Test func normalNumbersHaveNormalMoments() {
    let stream = RandomStream(seed: 4, purpose: .initialization)
    let count = 200_000
    let x = (0..<count).map { Double(stream.normal($0)) }
    // The mean and variance of x, x², x³ and x⁴.
    let moments: [(mean: Double, variance: Double)] = [(0, 1), (1, 2), (0, 15), (3, 96)]
    var powers = [Double](repeating: 1, count: count)
    for (mean, variance) in moments {
      for i in powers.indices { powers[i] *= x[i] }
      let found = powers.reduce(0, +) / Double(count)
      #expect(abs(found - mean) < 5 * (variance / Double(count)).squareRoot())
    }
    #expect(x.allSatisfy { $0.isFinite && abs($0) < 7 })
    let adjacent = zip(x, x.dropFirst()).reduce(0) { $0 + $1.0 * $1.1 } / Double(count)
    #expect(abs(adjacent) < 5 / Double(count).squareRoot())
    let beyondTwo = Double(x.count { abs($0) > 2 }) / Double(count)
    #expect(abs(beyondTwo - 0.0455) < 0.0025)
  }
}
