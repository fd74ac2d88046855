/// The type of a tensor's elements.
package enum ElementType: String, Sendable, Hashable {
  case float32, bfloat16, int32

  /// Bytes an element takes.
  package var byteCount: Int {
    switch self {
    case .float32, .int32: 4
    case .bfloat16: 2
    }
  }

  // The synthesized operator is a call through a witness table in every kernel of another module.
  @inlinable package static func == (a: ElementType, b: ElementType) -> Bool {
    switch (a, b) {
    case (.float32, .float32), (.bfloat16, .bfloat16), (.int32, .int32): true
    default: false
    }
  }
}

/// The upper half of a float32: 8 exponent bits, 7 of fraction.
package struct BFloat16: Sendable, Equatable {
  package var bits: UInt16

  package init(bits: UInt16) { self.bits = bits }

  /// Rounds to nearest, ties to even; a NaN stays a (quiet) NaN.
  @inlinable package init(_ value: Float) {
    let pattern = value.bitPattern
    if value.isNaN {
      bits = UInt16(truncatingIfNeeded: pattern >> 16) | 0x0040
    } else {
      bits = UInt16(truncatingIfNeeded: (pattern &+ 0x7FFF &+ ((pattern >> 16) & 1)) >> 16)
    }
  }

  @inlinable package var float: Float { Float(bitPattern: UInt32(bits) << 16) }
}
