import Tensors

/// Factors of dropout on attention weights: a function of row, head, query and key, so that backward draws them again.
///
/// Sixteen random bits decide about a weight, so the rate is a multiple of 2⁻¹⁶, and the scale is that rate's.
struct AttentionDropout: Sendable {
  private let threshold: UInt32
  private let scale: Float

  init(probability: Float) {
    threshold = UInt32((probability * 65_536).rounded())
    scale = 65_536 / Float(65_536 - threshold)
  }

  /// Writes 0 or 1/(1 − rate) for `keys` keys from a multiple of 8 on, rounded up to a multiple of 8, and sixteen
  /// queries.
  ///
  /// - Parameters:
  ///   - block: the number, a multiple of 16, of the first query among those of all rows and heads with the first eight
  ///     keys.
  ///   - blockStride: from there to the next eight keys.
  ///   - factors: [keys][stride].
  @inline(__always)
  func draw(
    _ stream: RandomStream, block: Int, blockStride: Int, keys: Int, into factors: UnsafeMutablePointer<Float>,
    stride: Int
  ) {
    var key = 0
    var block = block
    while key < keys {
      let (a, b, c, d) = stream.words(sixteenBlocksFrom: block)
      let to = factors + key &* stride
      store(a, to, stride)
      store(b, to + 2 &* stride, stride)
      store(c, to + 4 &* stride, stride)
      store(d, to + 6 &* stride, stride)
      key &+= 8
      block &+= blockStride
    }
  }

  @inline(__always)
  private func store(_ words: SIMD16<UInt32>, _ to: UnsafeMutablePointer<Float>, _ stride: Int) {
    Float.store(factor(words & 0xFFFF), to)
    Float.store(factor(words &>> 16), to + stride)
  }

  @inline(__always) private func factor(_ bits: SIMD16<UInt32>) -> Vector {
    // Both are small, so the difference is negative, and its sign bit fills every bit, exactly where a weight is
    // dropped.
    let dropped = unsafeBitCast(
      unsafeBitCast(bits &- threshold, to: SIMD16<Int32>.self) &>> 31, to: SIMD16<UInt32>.self)
    return unsafeBitCast(SIMD16(repeating: scale.bitPattern) & ~dropped, to: Vector.self)
  }
}
