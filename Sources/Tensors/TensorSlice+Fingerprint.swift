// Compares tensors by a number instead of by their elements.
extension TensorSlice {
  /// Of FNV-1a: odd, and far from a power of two.
  private static let factor: UInt64 = 0x100_0000_01B3
  private static let basis: UInt64 = 0xCBF2_9CE4_8422_2325

  /// 64 bits that follow from every bit of the tensor: equal tensors have equal ones, different tensors almost never.
  ///
  /// Eight words go through FNV-1a side by side, then their sums through another. Not a defense against tensors that
  /// were made to collide.
  package var fingerprint: UInt64 {
    let bytes = bytes
    let words = byteCount / 8
    var sums = SIMD8<UInt64>(repeating: Self.basis)
    let factor = SIMD8<UInt64>(repeating: Self.factor)
    var word = 0
    while word + 8 <= words {
      let next = bytes.unsafeLoadUnaligned(fromByteOffset: 8 * word, as: SIMD8<UInt64>.self)
      // Without the rotation a word's high bits would only ever move upwards and out.
      let mixed = (sums ^ next) &* factor
      sums = mixed ^ (mixed &>> 29)
      word += 8
    }
    var total = Self.basis ^ UInt64(byteCount)
    func mix(_ value: UInt64) {
      total = (total ^ value) &* Self.factor
      total ^= total &>> 29
    }
    for lane in 0..<8 { mix(sums[lane]) }
    for rest in 8 * word..<byteCount { mix(UInt64(bytes.word(rest, as: UInt8.self))) }
    return total
  }
}
