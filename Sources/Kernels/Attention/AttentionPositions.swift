import Foundation

/// Cosines and sines of rotary positions: the angle of pair c at position p is p·θ^(−2c/d).
///
/// Pairs are (c, c + d/2), "rotate half", as LLaMA in Hugging Face's order has them; the original paper pairs adjacent
/// elements.
// Sendable because nothing is written after init.
final class RotaryTable: @unchecked Sendable {
  /// (positions, d/2) each.
  let cosines: UnsafeMutablePointer<Float>
  let sines: UnsafeMutablePointer<Float>
  let half: Int

  init(positions: Int, headDimension: Int, theta: Double) {
    half = headDimension / 2
    cosines = .allocate(capacity: positions * half)
    sines = .allocate(capacity: positions * half)
    for c in 0..<half {
      let frequency = pow(theta, -2 * Double(c) / Double(headDimension))
      for position in 0..<positions {
        let angle = Double(position) * frequency
        (cosines + (position * half + c)).initialize(to: Float(cos(angle)))
        (sines + (position * half + c)).initialize(to: Float(sin(angle)))
      }
    }
  }

  deinit {
    cosines.deallocate()
    sines.deallocate()
  }

  /// Turns d elements by the angles of `position`, or back.
  @inline(__always) func rotate(_ row: UnsafeMutablePointer<Float>, position: Int, back: Bool) {
    let (cosine, sine) = (cosines + position &* half, sines + position &* half)
    var c = 0
    while c < half {
      let lanes = Swift.min(16, half - c)
      let (x, y) = (Float.load(row + c, lanes: lanes), Float.load(row + (half + c), lanes: lanes))
      let (cos, sin) = (Float.load(cosine + c, lanes: lanes), Float.load(sine + c, lanes: lanes))
      let turn = back ? -sin : sin
      Float.store((x * cos).addingProduct(-y, turn), row + c, lanes: lanes)
      Float.store((y * cos).addingProduct(x, turn), row + (half + c), lanes: lanes)
      c &+= 16
    }
  }
}

package enum AttentionPositions {
  /// The penalty per token of distance, one per head: 2^(−8k/n) for the n = 2^m heads, then every other one of those
  /// for 2n heads (Press et al. 2022 and their code).
  package static func slopes(heads: Int) -> [Float] {
    func powers(_ n: Int) -> [Float] { (1...n).map { Float(pow(2, -8 * Double($0) / Double(n))) } }
    var whole = 1
    while whole * 2 <= heads { whole *= 2 }
    let further = powers(2 * whole).enumerated().filter { $0.offset % 2 == 0 }.map(\.element)
    return powers(whole) + further.prefix(heads - whole)
  }

  /// The bucket of the key `offset` tokens behind the query (Raffel et al. 2020): each small distance has its own,
  /// larger ones share them logarithmically up to `largestDistance`. In both directions, each has half of them.
  package static func bucket(offset: Int, buckets: Int, largestDistance: Int, isCausal: Bool) -> Int {
    var (count, first, distance) = (buckets, 0, max(-offset, 0))
    if !isCausal {
      count /= 2
      first = offset > 0 ? count : 0
      distance = abs(offset)
    }
    let exact = count / 2
    if distance < exact { return first + distance }
    // In float32, as PyTorch's code has it, so that the edges of buckets are the same.
    let share = logf(Float(distance) / Float(exact)) / Float(log(Double(largestDistance) / Double(exact)))
    return first + min(exact + Int(share * Float(count - exact)), count - 1)
  }
}
