import Tensors

/// Inverted dropout: y = x·mask / (1 − p), so that nothing needs scaling at inference (Srivastava et al. 2014).
///
/// The mask is never stored: element i is kept where the stream's uniform number i is at least p, and `backward` draws
/// it again.
package struct DropoutKernel: Sendable {
  package let probability: Float
  private let scale: Float
  /// A word's upper 24 bits are at least this exactly where its uniform number is at least p.
  private let threshold: UInt32

  /// - Parameter probability: of dropping an element, in [0, 1).
  package init(probability: Float) {
    precondition(probability >= 0 && probability < 1)
    self.probability = probability
    scale = 1 / (1 - probability)
    threshold = UInt32((probability * 0x1p24).rounded(.up))
  }

  /// - Parameters:
  ///   - x: float32 or bfloat16.
  ///   - y: of x's count and type; may be `x` itself. NaN stays NaN even where it is dropped.
  ///   - firstElement: the number in the stream of x's first element.
  package func forward(_ x: TensorSlice, into y: TensorSlice, stream: RandomStream, firstElement: Int = 0) {
    run(x, y, stream, firstElement, accumulate: false)
  }

  /// dx = dy·mask / (1 − p), or dx += it; the same stream and first element as in `forward`.
  package func backward(
    _ dy: TensorSlice, into dx: TensorSlice, accumulate: Bool, stream: RandomStream, firstElement: Int = 0
  ) {
    run(dy, dx, stream, firstElement, accumulate: accumulate)
  }

  private func run(_ x: TensorSlice, _ y: TensorSlice, _ stream: RandomStream, _ first: Int, accumulate: Bool) {
    precondition(x.count == y.count && x.type == y.type && x.type != .int32 && first >= 0)
    switch (x.type, accumulate) {
    case (.bfloat16, false): run(x, y, stream, first, false, as: BFloat16.self)
    case (.bfloat16, true): run(x, y, stream, first, true, as: BFloat16.self)
    case (_, false): run(x, y, stream, first, false, as: Float.self)
    case (_, true): run(x, y, stream, first, true, as: Float.self)
    }
  }

  private func run<E: VectorElement>(
    _ x: TensorSlice, _ y: TensorSlice, _ stream: RandomStream, _ first: Int, _ accumulate: Bool, as type: E.Type
  ) {
    let from = x.pointer(as: E.self)
    let to = y.pointer(as: E.self)
    let count = x.count
    // Up to a multiple of 64 in the stream one by one, then 64 at a time.
    var i = min(count, (64 - first % 64) % 64)
    for element in 0..<i { apply(from, to, element, 1, factor(stream.word(first + element)), accumulate) }
    while i < count {
      let (a, b, c, d) = interleave(stream.words(sixteenBlocksFrom: (first + i) / 4))
      if i + 64 <= count {
        apply(from, to, i, 16, factors(a), accumulate)
        apply(from, to, i + 16, 16, factors(b), accumulate)
        apply(from, to, i + 32, 16, factors(c), accumulate)
        apply(from, to, i + 48, 16, factors(d), accumulate)
      } else {
        applyRest(from, to, i, count, factors(a), accumulate)
        applyRest(from, to, i + 16, count, factors(b), accumulate)
        applyRest(from, to, i + 32, count, factors(c), accumulate)
        applyRest(from, to, i + 48, count, factors(d), accumulate)
      }
      i += 64
    }
  }

  @inline(__always)
  private func apply<E: VectorElement>(
    _ from: UnsafeMutablePointer<E>, _ to: UnsafeMutablePointer<E>, _ i: Int, _ lanes: Int, _ factors: Vector,
    _ accumulate: Bool
  ) {
    var value = E.load(from + i, lanes: lanes) * factors
    if accumulate { value += E.load(to + i, lanes: lanes) }
    E.store(value, to + i, lanes: lanes)
  }

  @inline(__always)
  private func applyRest<E: VectorElement>(
    _ from: UnsafeMutablePointer<E>, _ to: UnsafeMutablePointer<E>, _ i: Int, _ count: Int, _ factors: Vector,
    _ accumulate: Bool
  ) {
    if i < count { apply(from, to, i, min(16, count - i), factors, accumulate) }
  }

  private func factor(_ word: UInt32) -> Vector { Vector(repeating: word >> 8 >= threshold ? scale : 0) }

  @inline(__always) private func factors(_ words: SIMD16<UInt32>) -> Vector {
    // Both are below 2²⁴, so the difference is negative, and its sign bit fills every bit, exactly where the word is
    // below.
    let difference = unsafeBitCast(words &>> 8, to: SIMD16<Int32>.self) &- Int32(threshold)
    let dropped = unsafeBitCast(difference &>> 31, to: SIMD16<UInt32>.self)
    return unsafeBitCast(SIMD16(repeating: scale.bitPattern) & ~dropped, to: Vector.self)
  }

  /// Sixteen blocks of four words, from one vector per word to the order of their elements.
  @inline(__always) private func interleave(
    _ words: (SIMD16<UInt32>, SIMD16<UInt32>, SIMD16<UInt32>, SIMD16<UInt32>)
  ) -> (SIMD16<UInt32>, SIMD16<UInt32>, SIMD16<UInt32>, SIMD16<UInt32>) {
    let (x, y, z, w) = words
    let (lowEven, highEven) = zip(x, z)
    let (lowOdd, highOdd) = zip(y, w)
    let (first, second) = zip(lowEven, lowOdd)
    let (third, fourth) = zip(highEven, highOdd)
    return (first, second, third, fourth)
  }

  /// The lanes of both in turn: those of the low halves, then those of the high halves.
  @inline(__always)
  private func zip(_ a: SIMD16<UInt32>, _ b: SIMD16<UInt32>) -> (SIMD16<UInt32>, SIMD16<UInt32>) {
    var (low, high) = (a, a)
    low.evenHalf = a.lowHalf
    low.oddHalf = b.lowHalf
    high.evenHalf = a.highHalf
    high.oddHalf = b.highHalf
    return (low, high)
  }
}
