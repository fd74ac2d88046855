extension RandomStream {
  /// Sixteen blocks at once: lane `i` of word `w` is `words(block: block + i)[w]`.
  ///
  /// - Parameter block: a multiple of 16, so that no lane carries into the upper half of the counter.
  @inlinable @inline(__always)
  package func words(
    sixteenBlocksFrom block: Int
  ) -> (SIMD16<UInt32>, SIMD16<UInt32>, SIMD16<UInt32>, SIMD16<UInt32>) {
    let lanes = SIMD16<UInt32>(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
    var x = lanes &+ UInt32(truncatingIfNeeded: block)
    var y = SIMD16<UInt32>(repeating: UInt32(truncatingIfNeeded: block >> 32))
    var z = SIMD16<UInt32>(repeating: step)
    var w = SIMD16<UInt32>(repeating: stream)
    var k = key
    for _ in 0..<10 {
      let (aHigh, aLow) = Self.products(x, 0xD251_1F53)
      let (bHigh, bLow) = Self.products(z, 0xCD9E_8D57)
      x = bHigh ^ y ^ k.x
      y = bLow
      z = aHigh ^ w ^ k.y
      w = aLow
      k = SIMD2(k.x &+ 0x9E37_79B9, k.y &+ 0xBB67_AE85)
    }
    return (x, y, z, w)
  }

  /// The upper and lower halves of the 64-bit products: even and odd lanes are multiplied apart.
  @inlinable @inline(__always)
  static func products(_ a: SIMD16<UInt32>, _ factor: UInt64) -> (SIMD16<UInt32>, SIMD16<UInt32>) {
    let low = SIMD8<UInt64>(repeating: 0xFFFF_FFFF)
    let pairs = unsafeBitCast(a, to: SIMD8<UInt64>.self)
    let even = (pairs & low) &* SIMD8(repeating: factor)
    let odd = (pairs &>> 32) &* SIMD8(repeating: factor)
    let highs = (even &>> 32) | (odd & ~low)
    let lows = (even & low) | (odd &<< 32)
    return (unsafeBitCast(highs, to: SIMD16<UInt32>.self), unsafeBitCast(lows, to: SIMD16<UInt32>.self))
  }
}
