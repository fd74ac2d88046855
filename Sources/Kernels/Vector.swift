import Arenas
import CPlatform

/// Sixteen float32: one AVX-512 register, or several narrower ones.
package typealias Vector = SIMD16<Float>

/// Elements that are computed with as float32, sixteen at a time.
package protocol VectorElement {
  static func load(_ source: UnsafePointer<Self>) -> Vector
  static func store(_ vector: Vector, _ destination: UnsafeMutablePointer<Self>)
}

extension Float: VectorElement {
  @inline(__always) package static func load(_ source: UnsafePointer<Float>) -> Vector {
    UnsafeRawPointer(source).loadUnaligned(as: Vector.self)
  }

  @inline(__always) package static func store(_ vector: Vector, _ destination: UnsafeMutablePointer<Float>) {
    UnsafeMutableRawPointer(destination).storeBytes(of: vector, as: Vector.self)
  }
}

extension BFloat16: VectorElement {
  @inline(__always) package static func load(_ source: UnsafePointer<BFloat16>) -> Vector {
    let halves = UnsafeRawPointer(source).loadUnaligned(as: SIMD16<UInt16>.self)
    return unsafeBitCast(SIMD16<UInt32>(truncatingIfNeeded: halves) &<< 16, to: Vector.self)
  }

  /// Rounds to nearest, ties to even; a NaN stays one.
  @inline(__always) package static func store(_ vector: Vector, _ destination: UnsafeMutablePointer<BFloat16>) {
    let bits = unsafeBitCast(vector, to: SIMD16<UInt32>.self)
    let rounded = (bits &+ 0x7FFF &+ ((bits &>> 16) & 1)) &>> 16
    let quiet = (bits &>> 16) | 0x0040
    let chosen = rounded.replacing(with: quiet, where: vector .!= vector)
    UnsafeMutableRawPointer(destination).storeBytes(
      of: SIMD16<UInt16>(truncatingIfNeeded: chosen), as: SIMD16<UInt16>.self)
  }
}

extension VectorElement {
  /// The first `count` (1 to 15) elements; the rest are zero.
  @inline(__always) static func load(_ source: UnsafePointer<Self>, first count: Int) -> Vector {
    withUnsafeTemporaryAllocation(of: Self.self, capacity: 16) { buffer in
      guard let base = buffer.baseAddress else { return .zero }
      UnsafeMutableRawPointer(base).initializeMemory(as: UInt8.self, repeating: 0, count: 16 * MemoryLayout<Self>.stride)
      UnsafeMutableRawPointer(base).copyMemory(from: source, byteCount: count * MemoryLayout<Self>.stride)
      return load(base)
    }
  }

  /// Stores the first `count` (1 to 15) elements.
  @inline(__always) static func store(_ vector: Vector, _ destination: UnsafeMutablePointer<Self>, first count: Int) {
    withUnsafeTemporaryAllocation(of: Self.self, capacity: 16) { buffer in
      guard let base = buffer.baseAddress else { return }
      store(vector, base)
      UnsafeMutableRawPointer(destination).copyMemory(from: base, byteCount: count * MemoryLayout<Self>.stride)
    }
  }
}

extension SIMD16<Float> {
  @inline(__always) func max(_ other: Vector) -> Vector { troupe_max16(self, other) }
  @inline(__always) func min(_ other: Vector) -> Vector { troupe_min16(self, other) }
  @inline(__always) var magnitude: Vector { troupe_abs16(self) }
  @inline(__always) var squareRoot: Vector { troupe_sqrt16(self) }

  /// The sum of the sixteen, in a fixed tree.
  @inline(__always) var total: Float {
    let eight = lowHalf + highHalf
    let four = eight.lowHalf + eight.highHalf
    let two = four.lowHalf + four.highHalf
    return two.x + two.y
  }

  @inline(__always) var largest: Float { self.max() }
}

extension TensorSlice {
  /// The address, for elements of a type that the caller has checked.
  @inline(__always) func pointer<Element>(as type: Element.Type) -> UnsafeMutablePointer<Element> {
    address.assumingMemoryBound(to: Element.self)
  }
}
