import CPlatform
import Tensors

/// Sixteen float32: one AVX-512 register, or several narrower ones.
package typealias Vector = SIMD16<Float>

/// Elements that are computed with as float32, sixteen at a time.
package protocol VectorElement {
  static func load(_ source: UnsafePointer<Self>) -> Vector
  static func store(_ vector: Vector, _ destination: UnsafeMutablePointer<Self>)
  /// The first `count` (1 to 15) elements; the rest are zero.
  static func load(_ source: UnsafePointer<Self>, first count: Int) -> Vector
  /// Stores the first `count` (1 to 15) elements.
  static func store(_ vector: Vector, _ destination: UnsafeMutablePointer<Self>, first count: Int)
}

extension Float: VectorElement {
  @inline(__always) package static func load(_ source: UnsafePointer<Float>) -> Vector {
    UnsafeRawPointer(source).loadUnaligned(as: Vector.self)
  }

  @inline(__always) package static func store(_ vector: Vector, _ destination: UnsafeMutablePointer<Float>) {
    UnsafeMutableRawPointer(destination).storeBytes(of: vector, as: Vector.self)
  }

  @inline(__always) package static func load(_ source: UnsafePointer<Float>, first count: Int) -> Vector {
    troupe_load_first16(source, UInt32(truncatingIfNeeded: count))
  }

  @inline(__always) package static func store(
    _ vector: Vector, _ destination: UnsafeMutablePointer<Float>, first count: Int
  ) {
    troupe_store_first16(destination, vector, UInt32(truncatingIfNeeded: count))
  }
}

extension BFloat16: VectorElement {
  @inline(__always) package static func load(_ source: UnsafePointer<BFloat16>) -> Vector {
    troupe_widen_bfloat16(UnsafeRawPointer(source).loadUnaligned(as: SIMD16<UInt16>.self))
  }

  @inline(__always) package static func store(_ vector: Vector, _ destination: UnsafeMutablePointer<BFloat16>) {
    UnsafeMutableRawPointer(destination).storeBytes(of: troupe_narrow_bfloat16(vector), as: SIMD16<UInt16>.self)
  }

  @inline(__always) package static func load(_ source: UnsafePointer<BFloat16>, first count: Int) -> Vector {
    troupe_widen_bfloat16(troupe_load_first_halves16(source, UInt32(truncatingIfNeeded: count)))
  }

  @inline(__always) package static func store(
    _ vector: Vector, _ destination: UnsafeMutablePointer<BFloat16>, first count: Int
  ) {
    troupe_store_first_halves16(destination, troupe_narrow_bfloat16(vector), UInt32(truncatingIfNeeded: count))
  }
}

extension VectorElement {
  /// `lanes` elements (1 to 16); the rest are zero.
  @inline(__always) static func load(_ source: UnsafePointer<Self>, lanes: Int) -> Vector {
    lanes == 16 ? load(source) : load(source, first: lanes)
  }

  /// Stores the first `lanes` (1 to 16) elements.
  @inline(__always) static func store(_ vector: Vector, _ destination: UnsafeMutablePointer<Self>, lanes: Int) {
    if lanes == 16 { store(vector, destination) } else { store(vector, destination, first: lanes) }
  }
}

extension SIMD16<Float> {
  /// self + a·b, rounded once; in place of the standard library's, which goes through single elements.
  @inline(__always) func addingProduct(_ a: Vector, _ b: Vector) -> Vector { troupe_fma16(self, a, b) }

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
