/// The one-dimensional transforms of F(4, 3): four outputs of a filter of three taps by six products (Winograd 1980;
/// Lavin & Gray 2015, "Fast algorithms for convolutional neural networks"),
///
///     y = Aᵀ·[(G·w) ⊙ (Bᵀ·d)]
///
/// with d six inputs and w three weights. Nested over rows and columns, a 3×3 convolution takes 36 multiplications for
/// 4×4 outputs instead of 144. The polynomials are interpolated at 0, ±√½, ±√2 and ∞, which leave half the rounding
/// error of the usual 0, ±1, ±2 and ∞: in float32 about 6·10⁻⁷ of the outputs' root mean square, five times that of a
/// direct sum.
struct SixVectors {
  var v0, v1, v2, v3, v4, v5: Vector

  @inline(__always) init(_ v0: Vector, _ v1: Vector, _ v2: Vector, _ v3: Vector, _ v4: Vector, _ v5: Vector) {
    self.v0 = v0
    self.v1 = v1
    self.v2 = v2
    self.v3 = v3
    self.v4 = v4
    self.v5 = v5
  }

  /// - Parameter stride: elements from one vector to the next.
  @inline(__always) init(_ from: UnsafePointer<Float>, _ stride: Int) {
    self.init(
      Float.load(from), Float.load(from + stride), Float.load(from + 2 &* stride), Float.load(from + 3 &* stride),
      Float.load(from + 4 &* stride), Float.load(from + 5 &* stride))
  }

  @inline(__always) func store(_ to: UnsafeMutablePointer<Float>, _ stride: Int) {
    Float.store(v0, to)
    Float.store(v1, to + stride)
    Float.store(v2, to + 2 &* stride)
    Float.store(v3, to + 3 &* stride)
    Float.store(v4, to + 4 &* stride)
    Float.store(v5, to + 5 &* stride)
  }

  /// Bᵀ·d.
  @inline(__always) var inputTransform: SixVectors {
    let even = v4.addingProduct(v2, Vector(repeating: -2))
    let odd = v3.addingProduct(v1, Vector(repeating: -2))
    let widerEven = v4.addingProduct(v2, Vector(repeating: -0.5))
    let widerOdd = v3.addingProduct(v1, Vector(repeating: -0.5))
    return SixVectors(
      (v0 + v4).addingProduct(v2, Vector(repeating: -2.5)),
      even.addingProduct(odd, rootOfHalf), even.addingProduct(odd, -rootOfHalf),
      widerEven.addingProduct(widerOdd, rootOfTwo), widerEven.addingProduct(widerOdd, -rootOfTwo),
      (v1 + v5).addingProduct(v3, Vector(repeating: -2.5)))
  }

  /// Aᵀ·m.
  @inline(__always) var outputTransform: FourVectors {
    let (sum, difference) = (v1 + v2, v1 - v2)
    let (widerSum, widerDifference) = (v3 + v4, v3 - v4)
    return FourVectors(
      v0 + sum + widerSum,
      (difference * rootOfHalf).addingProduct(widerDifference, rootOfTwo),
      (sum * 0.5).addingProduct(widerSum, Vector(repeating: 2)),
      v5.addingProduct(difference, rootOfHalf * 0.5).addingProduct(widerDifference, rootOfTwo * 2))
  }

  /// Gᵀ·u, of the gradient with respect to G·w.
  @inline(__always) var weightGradientTransform: ThreeVectors {
    let (sum, difference) = (v1 + v2, v1 - v2)
    let (widerSum, widerDifference) = (v3 + v4, v3 - v4)
    return ThreeVectors(
      v0.addingProduct(sum, Vector(repeating: nearScale)).addingProduct(widerSum, Vector(repeating: farScale)),
      (difference * (rootOfHalf * nearScale)).addingProduct(widerDifference, rootOfTwo * farScale),
      v5.addingProduct(sum, Vector(repeating: nearScale / 2)).addingProduct(widerSum, Vector(repeating: farScale * 2)))
  }
}

struct FourVectors {
  var v0, v1, v2, v3: Vector

  @inline(__always) init(_ v0: Vector, _ v1: Vector, _ v2: Vector, _ v3: Vector) {
    self.v0 = v0
    self.v1 = v1
    self.v2 = v2
    self.v3 = v3
  }

  /// A·dy.
  @inline(__always) var outputGradientTransform: SixVectors {
    let even = v0.addingProduct(v2, Vector(repeating: 0.5))
    let odd = v1.addingProduct(v3, Vector(repeating: 0.5))
    let widerEven = v0.addingProduct(v2, Vector(repeating: 2))
    let widerOdd = v1.addingProduct(v3, Vector(repeating: 2))
    return SixVectors(
      v0, even.addingProduct(odd, rootOfHalf), even.addingProduct(odd, -rootOfHalf),
      widerEven.addingProduct(widerOdd, rootOfTwo), widerEven.addingProduct(widerOdd, -rootOfTwo), v3)
  }
}

struct ThreeVectors {
  var v0, v1, v2: Vector

  @inline(__always) init(_ v0: Vector, _ v1: Vector, _ v2: Vector) {
    self.v0 = v0
    self.v1 = v1
    self.v2 = v2
  }

  /// G·w.
  @inline(__always) var weightTransform: SixVectors {
    let even = v0.addingProduct(v2, Vector(repeating: 0.5)) * nearScale
    let widerEven = v0.addingProduct(v2, Vector(repeating: 2)) * farScale
    return SixVectors(
      v0, even.addingProduct(v1, rootOfHalf * nearScale), even.addingProduct(v1, -rootOfHalf * nearScale),
      widerEven.addingProduct(v1, rootOfTwo * farScale), widerEven.addingProduct(v1, -rootOfTwo * farScale), v2)
  }
}

@inline(__always) private var rootOfHalf: Vector { Vector(repeating: 0.70710678) }
@inline(__always) private var rootOfTwo: Vector { Vector(repeating: 1.41421356) }
// One over the products of a point's distances from the others: of ±√½, and of ±√2.
private let nearScale: Float = -2 / 3
private let farScale: Float = 1 / 6
