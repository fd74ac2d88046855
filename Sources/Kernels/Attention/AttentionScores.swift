/// The score of a key that is not seen: so far below all others that no product of finite numbers comes near.
let hiddenScore: Float = -0x1.fffffep127
let binaryLogarithmOfE: Float = 1.442695041
let naturalLogarithmOf2: Float = 0.6931471806

extension SIMD16<Float> {
  /// The larger of both, `other` where either is NaN: a single instruction, unlike `max`.
  @inline(__always) func larger(_ other: Vector) -> Vector { other.replacing(with: self, where: self .> other) }
}

/// 2ˣ for x ≤ 0, to 2 units in the last place (Cephes' exp2f); not below 2⁻¹²⁶; NaN gives NaN.
@inline(__always) func exponentialOf2(_ x: Vector) -> Vector {
  let clamped = Vector(repeating: -126).larger(x)
  // The nearest integer is in the low bits of the fraction.
  let shifted = clamped + 12_582_912
  let r = clamped - (shifted - 12_582_912)
  var p = Vector(repeating: 1.535336188319500e-4)
  p = Vector(repeating: 1.339887440266574e-3).addingProduct(p, r)
  p = Vector(repeating: 9.618437357674640e-3).addingProduct(p, r)
  p = Vector(repeating: 5.550332471162809e-2).addingProduct(p, r)
  p = Vector(repeating: 2.402264791363012e-1).addingProduct(p, r)
  p = Vector(repeating: 6.931472028550421e-1).addingProduct(p, r)
  let value = Vector(repeating: 1).addingProduct(p, r)
  // A NaN has zeros where the exponent is taken from.
  let exponent = unsafeBitCast(shifted, to: SIMD16<UInt32>.self) &<< 23
  return unsafeBitCast(unsafeBitCast(value, to: SIMD16<UInt32>.self) &+ exponent, to: Vector.self)
}

/// The rules that turn products of queries and keys into scores within one tile. Scores are in units of ln 2, so that
/// weights are powers of two.
///
/// Without a bias, a tile keeps bare products, and their factor comes with the largest one's subtraction; with one, it
/// keeps scores.
struct ScoreRules<E: PackedElement> {
  private let scale: Vector
  /// The factor that is still missing from a tile's numbers.
  private let remainingScale: Vector
  private let bias: UnsafePointer<Float>?
  private let mask: UnsafePointer<Float>?
  private let factors: UnsafePointer<Float>
  private let isDiagonal: Bool
  /// Of the first key, seen from the first query.
  private let lead: Int
  private let tile: Int

  @inline(__always) init(_ pass: AttentionPass<E>, query: Int, key: Int, keys: Int) {
    scale = Vector(repeating: pass.shape.scale * binaryLogarithmOfE)
    remainingScale = pass.hasBias ? Vector(repeating: 1) : scale
    lead = key &- query
    bias = pass.hasBias ? UnsafePointer(pass.at(pass.places.bias)) + (pass.shape.keys &- 1 &- lead) : nil
    mask = pass.fullMask == nil ? nil : UnsafePointer(pass.at(pass.places.mask))
    factors = UnsafePointer(pass.at(pass.places.factors))
    isDiagonal = pass.shape.isCausal && lead &+ keys > 1
    tile = pass.places.queryTile
  }

  /// Whether some query does not see some key of the tile.
  private var hides: Bool { @inline(__always) get { isDiagonal || mask != nil } }

  /// Adds the bias to `keys` products of sixteen queries from `lane` on, and hides the keys that they do not see.
  ///
  /// - Returns: the largest of each.
  @inline(__always)
  func apply(to scores: UnsafeMutablePointer<Float>, keys: Int, _ lane: Int) -> Vector {
    var peak = Vector(repeating: hiddenScore)
    if bias == nil && !hides {
      for j in 0..<keys { peak = Float.load(scores + (j &* tile &+ lane)).larger(peak) }
      return peak
    }
    for j in 0..<keys {
      let place = scores + (j &* tile &+ lane)
      var score = Float.load(place)
      if let bias { score = Float.load(bias + (lane &- j)).addingProduct(score, scale) }
      if let mask {
        let seen = unsafeBitCast(Float.load(mask + (j &* tile &+ lane)), to: SIMD16<Int32>.self)
        score.replace(with: hiddenScore, where: seen .== 0)
      }
      if isDiagonal {
        let lanes = Vector(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
        score.replace(with: hiddenScore, where: lanes .< Vector(repeating: Float(lead &+ j &- lane)))
      }
      Float.store(score, place)
      peak = score.larger(peak)
    }
    return peak
  }

  /// The same without the largest.
  @inline(__always) func applyOnly(to scores: UnsafeMutablePointer<Float>, keys: Int, _ lane: Int) {
    if bias != nil || hides { _ = apply(to: scores, keys: keys, lane) }
  }

  /// The score that a number of a tile stands for; hidden ones are unaffected.
  @inline(__always) func scaled(_ peak: Vector) -> Vector {
    (peak * remainingScale).larger(Vector(repeating: hiddenScore))
  }

  /// 2^(score + minus), 0 where hidden.
  @inline(__always)
  func weight(_ scores: UnsafePointer<Float>, _ j: Int, _ lane: Int, minus: Vector) -> Vector {
    let score = Float.load(scores + (j &* tile &+ lane))
    let weight = exponentialOf2(minus.addingProduct(score, remainingScale))
    return hides ? weight.replacing(with: Vector.zero, where: score .== Vector(repeating: hiddenScore)) : weight
  }

  @inline(__always) func factor(_ j: Int, _ lane: Int) -> Vector { Float.load(factors + (j &* tile &+ lane)) }
}
