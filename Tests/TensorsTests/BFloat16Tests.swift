import Tensors
import Testing

@Suite struct BFloat16Tests {
  static let rounded: [(Float, UInt16)] = [
    (1, 0x3F80), (-2, 0xC000), (0, 0), (-0.0, 0x8000), (.infinity, 0x7F80), (-.infinity, 0xFF80),
    // Halfway between 1 and 1 + 2⁻⁷ goes to the even one, above it up, below it down.
    (1 + 0x1p-8, 0x3F80), (1 + 0x1p-8 + 0x1p-20, 0x3F81), (1 + 0x1p-8 - 0x1p-20, 0x3F80),
    (1 + 0x1p-7 + 0x1p-8, 0x3F82),
    // The largest finite float32 is nearer to what would be 2¹²⁸.
    (.greatestFiniteMagnitude, 0x7F80), (-.greatestFiniteMagnitude, 0xFF80),
    (Float(bitPattern: 0x7F7F_7FFF), 0x7F7F),
    // Denormal numbers.
    (.leastNonzeroMagnitude, 0), (Float(bitPattern: 0x0001_8000), 2), (Float(bitPattern: 0x0000_8001), 1),
  ]

  @Test(arguments: rounded) func roundsToTheNearestEven(_ value: Float, _ bits: UInt16) {
    #expect(BFloat16(value).bits == bits)
  }

  static let notNumbers: [UInt32] = [
    0x7FC0_0000, 0xFFC0_0000, 0x7F80_0001, 0xFF80_0001, 0x7FFF_FFFF, 0xFFFF_FFFF, 0x7F80_FFFF,
  ]

  @Test(arguments: notNumbers) func aNaNStaysAQuietNaN(_ bits: UInt32) {
    let rounded = BFloat16(Float(bitPattern: bits))
    #expect(rounded.float.isNaN && rounded.bits & 0x0040 != 0)
    #expect(rounded.bits >> 15 == UInt16(bits >> 31))
  }

  @Test func everyValueRoundTrips() {
    for bits in UInt16.min...UInt16.max {
      let value = BFloat16(bits: bits).float
      if value.isNaN { continue }
      #expect(BFloat16(value).bits == bits)
    }
  }

  @Test func theErrorIsAtMostHalfAUnit() {
    let random = RandomStream(seed: 1, purpose: .checking)
    for i in 0..<10_000 {
      let value = random.normal(i)
      #expect(abs(BFloat16(value).float - value) <= abs(value) * 0x1p-8)
    }
  }
}
