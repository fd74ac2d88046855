import CPlatform

// Elementary functions on sixteen float32 at a time; each is within 2 units in the last place of the true value where
// its comment states another bound, and NaN gives NaN. Tested against Foundation's.

private let log2OfE: Float = 1.442695041
// ln 2 in two parts, so that x − n·ln 2 is exact for every n that occurs.
private let ln2High: Float = 0.693359375
private let ln2Low: Float = -2.12194440e-4
/// Adding 1.5·2²³ puts the nearest integer into the low bits of the fraction.
private let roundingShift: Float = 12_582_912

extension SIMD16<Float> {
  @inline(__always) func keepingNaN(of x: Vector) -> Vector { replacing(with: x, where: x .!= x) }
}

/// eˣ: saturates near the ends of float32's normal range instead of reaching 0 and infinity.
@inline(__always) package func exponential(_ x: Vector) -> Vector {
  let clamped = x.max(Vector(repeating: -87.33)).min(Vector(repeating: 88.37))
  let shifted = Vector(repeating: roundingShift).addingProduct(clamped, Vector(repeating: log2OfE))
  let n = shifted - roundingShift
  let r = clamped.addingProduct(n, Vector(repeating: -ln2High)).addingProduct(n, Vector(repeating: -ln2Low))
  // e^r on [−ln2/2, ln2/2] (Cephes' expf).
  var p = Vector(repeating: 1.9875691500e-4)
  p = Vector(repeating: 1.3981999507e-3).addingProduct(p, r)
  p = Vector(repeating: 8.3334519073e-3).addingProduct(p, r)
  p = Vector(repeating: 4.1665795894e-2).addingProduct(p, r)
  p = Vector(repeating: 1.6666665459e-1).addingProduct(p, r)
  p = Vector(repeating: 5.0000001201e-1).addingProduct(p, r)
  let value = (r + 1).addingProduct(p, r * r)
  let exponent = (unsafeBitCast(shifted, to: SIMD16<UInt32>.self) &<< 23)
  let scaled = unsafeBitCast(unsafeBitCast(value, to: SIMD16<UInt32>.self) &+ exponent, to: Vector.self)
  return scaled.keepingNaN(of: x)
}

/// ln x for positive normal x.
@inline(__always) package func logarithm(_ x: Vector) -> Vector {
  let bits = unsafeBitCast(x, to: SIMD16<UInt32>.self)
  // x = m·2ᵉ with m in [√½, √2).
  let offset = SIMD16<UInt32>(repeating: 0x3F35_04F3)
  let shifted = unsafeBitCast(bits &- offset, to: SIMD16<Int32>.self)
  let exponentBits = shifted &>> 23
  let m = unsafeBitCast(
    unsafeBitCast(bits, to: SIMD16<Int32>.self) &- (exponentBits &<< 23), to: Vector.self)
  let e = troupe_float_of_int16(exponentBits)
  let r = m - 1
  var p = Vector(repeating: 7.0376836292e-2)
  p = Vector(repeating: -1.1514610310e-1).addingProduct(p, r)
  p = Vector(repeating: 1.1676998740e-1).addingProduct(p, r)
  p = Vector(repeating: -1.2420140846e-1).addingProduct(p, r)
  p = Vector(repeating: 1.4249322787e-1).addingProduct(p, r)
  p = Vector(repeating: -1.6668057665e-1).addingProduct(p, r)
  p = Vector(repeating: 2.0000714765e-1).addingProduct(p, r)
  p = Vector(repeating: -2.4999993993e-1).addingProduct(p, r)
  p = Vector(repeating: 3.3333331174e-1).addingProduct(p, r)
  let square = r * r
  var y = (p * r) * square
  y = y.addingProduct(e, Vector(repeating: ln2Low))
  y = y.addingProduct(square, Vector(repeating: -0.5))
  return (r + y).addingProduct(e, Vector(repeating: ln2High)).keepingNaN(of: x)
}

/// ln(1 + u) for u in [0, 1], as 2·artanh(u / (2 + u)): keeps its relative accuracy for the smallest u.
@inline(__always) package func logarithmOfOnePlus(_ u: Vector) -> Vector {
  let s = u / (u + 2)
  let z = s * s
  // (artanh(s) / s − 1) / s² on [0, ⅓], to 4·10⁻¹⁰ of the whole.
  var p = Vector(repeating: 1.161483140e-1)
  p = Vector(repeating: 1.085277102e-1).addingProduct(p, z)
  p = Vector(repeating: 1.429620963e-1).addingProduct(p, z)
  p = Vector(repeating: 1.999985260e-1).addingProduct(p, z)
  p = Vector(repeating: 3.333333366e-1).addingProduct(p, z)
  let twice = s + s
  return twice.addingProduct(twice * z, p)
}

/// 1 − e⁻ʸ for y ≥ 0: keeps its relative accuracy for the smallest y.
@inline(__always) package func oneMinusExponential(ofMinus y: Vector) -> Vector {
  // Taylor's series, to 2·10⁻⁸ below 0.35.
  var p = Vector(repeating: 1 / 5040)
  p = Vector(repeating: 1 / 720).addingProduct(p, -y)
  p = Vector(repeating: 1 / 120).addingProduct(p, -y)
  p = Vector(repeating: 1 / 24).addingProduct(p, -y)
  p = Vector(repeating: 1 / 6).addingProduct(p, -y)
  p = Vector(repeating: 0.5).addingProduct(p, -y)
  let near = y - y * y * p
  return (1 - exponential(-y)).replacing(with: near, where: y .< Vector(repeating: 0.35))
}

/// 1 / (1 + e⁻ˣ).
@inline(__always) package func logistic(_ x: Vector) -> Vector { 1 / (1 + exponential(-x)) }

@inline(__always) package func hyperbolicTangent(_ x: Vector) -> Vector {
  let size = x.magnitude
  // Near zero the odd polynomial of Cephes' tanhf, elsewhere 1 − 2 / (e^2|x| + 1) with the sign of x.
  let z = x * x
  var p = Vector(repeating: -5.70498872745e-3)
  p = Vector(repeating: 2.06390887954e-2).addingProduct(p, z)
  p = Vector(repeating: -5.37397155531e-2).addingProduct(p, z)
  p = Vector(repeating: 1.33314422036e-1).addingProduct(p, z)
  p = Vector(repeating: -3.33332819422e-1).addingProduct(p, z)
  let near = x.addingProduct(p * z, x)
  let far = 1 - 2 / (exponential(size + size) + 1)
  let signed = far.replacing(with: -far, where: x .< Vector.zero)
  return signed.replacing(with: near, where: size .< Vector(repeating: 0.625)).keepingNaN(of: x)
}

/// Φ(x), the standard normal distribution function: half the complementary error function of −x/√2 by the Chebyshev fit
/// of Numerical Recipes (`erfcc`), to 4·10⁻⁷ relative above −1, 3·10⁻⁶ above −5, 2·10⁻⁵ above −12.
@inline(__always) package func normalDistribution(_ x: Vector) -> Vector {
  let z = x.magnitude * 0.70710678
  let t = 1 / Vector(repeating: 1).addingProduct(z, Vector(repeating: 0.5))
  var p = Vector(repeating: 0.17087277)
  p = Vector(repeating: -0.82215223).addingProduct(p, t)
  p = Vector(repeating: 1.48851587).addingProduct(p, t)
  p = Vector(repeating: -1.13520398).addingProduct(p, t)
  p = Vector(repeating: 0.27886807).addingProduct(p, t)
  p = Vector(repeating: -0.18628806).addingProduct(p, t)
  p = Vector(repeating: 0.09678418).addingProduct(p, t)
  p = Vector(repeating: 0.37409196).addingProduct(p, t)
  p = Vector(repeating: 1.00002368).addingProduct(p, t)
  p = Vector(repeating: -1.26551223).addingProduct(p, t)
  let tail = 0.5 * t * exponential(p - z * z)
  return (1 - tail).replacing(with: tail, where: x .< Vector.zero).keepingNaN(of: x)
}
