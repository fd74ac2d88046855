/// Counter-based random numbers: a pure function of key and counter, so there is no state to save, lose or share.
///
/// Philox4x32-10 of Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3" (SC 2011).
package enum Philox {
  /// Four independent 32-bit words for `counter` under `key`.
  @inlinable package static func block(_ counter: SIMD4<UInt32>, key: SIMD2<UInt32>) -> SIMD4<UInt32> {
    var c = counter
    var k = key
    for _ in 0..<10 {
      let a = UInt64(0xD251_1F53) &* UInt64(c.x)
      let b = UInt64(0xCD9E_8D57) &* UInt64(c.z)
      c = SIMD4(
        UInt32(truncatingIfNeeded: b >> 32) ^ c.y ^ k.x, UInt32(truncatingIfNeeded: b),
        UInt32(truncatingIfNeeded: a >> 32) ^ c.w ^ k.y, UInt32(truncatingIfNeeded: a))
      k = SIMD2(k.x &+ 0x9E37_79B9, k.y &+ 0xBB67_AE85)
    }
    return c
  }
}

/// The use of a random number; two purposes never share numbers.
package enum RandomPurpose: UInt32, Sendable {
  case initialization = 1
  case shuffling, splitting, dropout, generation, augmentation, noise, sampling, checking, mixing, diffusion, search
}

/// The numbers of one purpose under one seed: element `i` at `(step, stream)` is always the same.
///
/// `stream` distinguishes the users of one step: a layer, a tensor, a sample.
package struct RandomStream: Sendable {
  @usableFromInline let key: SIMD2<UInt32>
  @usableFromInline let step: UInt32
  @usableFromInline let stream: UInt32

  /// - Parameters:
  ///   - step: taken modulo 2³²; any count that grows (optimizer steps, epochs).
  ///   - stream: taken modulo 2²⁴.
  @inlinable package init(seed: UInt64, purpose: RandomPurpose, step: Int = 0, stream: Int = 0) {
    key = SIMD2(UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
    self.step = UInt32(truncatingIfNeeded: step)
    self.stream = (UInt32(truncatingIfNeeded: stream) << 8) | purpose.rawValue
  }

  /// Four words for the block of elements `4 * block ..< 4 * block + 4`.
  @inlinable package func words(block: Int) -> SIMD4<UInt32> {
    Philox.block(
      SIMD4(UInt32(truncatingIfNeeded: block), UInt32(truncatingIfNeeded: block >> 32), step, stream), key: key)
  }

  @inlinable package func word(_ element: Int) -> UInt32 { words(block: element >> 2)[element & 3] }

  /// Uniform in [0, 1): 24 random bits.
  @inlinable package func uniform(_ element: Int) -> Float { Float(word(element) >> 8) * 0x1p-24 }

  /// Uniform in 0 ..< bound, unbiased to 2⁻³² (multiply and shift).
  @inlinable package func integer(_ element: Int, below bound: Int) -> Int {
    precondition(bound > 0 && bound <= Int(UInt32.max))
    return Int((UInt64(word(element)) &* UInt64(bound)) >> 32)
  }
}
