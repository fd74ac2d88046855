import Foundation

extension RandomStream {
  /// Standard normal (Box and Muller 1958, computed in float64 so that the tail is right).
  package func normal(_ element: Int) -> Float {
    let pair = normals(block: element >> 1)
    return element & 1 == 0 ? pair.0 : pair.1
  }

  /// Elements 2 · block and 2 · block + 1 of `normal`.
  private func normals(block: Int) -> (Float, Float) {
    let w = words(block: block)
    // (0, 1]: the logarithm's argument is never zero.
    let u = (Double(w[0]) + 1) * 0x1p-32
    let angle = 2 * Double.pi * Double(w[1]) * 0x1p-32
    let radius = (-2 * Foundation.log(u)).squareRoot()
    return (Float(radius * Foundation.cos(angle)), Float(radius * Foundation.sin(angle)))
  }

  /// Writes `normal(first)`, `normal(first + 1)`, … over a float32 slice.
  ///
  /// - Parameter first: even, so that both numbers of a pair are used.
  package func fillNormal(_ slice: TensorSlice, from first: Int = 0) {
    precondition(first & 1 == 0)
    var values = slice.mutableFloats
    for i in stride(from: 0, to: values.count, by: 2) {
      let pair = normals(block: (first + i) >> 1)
      values[i] = pair.0
      if i + 1 < values.count { values[i + 1] = pair.1 }
    }
  }

  /// A permutation of 0 ..< count in which the position of any element is found without building it.
  package func permutation(of count: Int) -> Permutation { Permutation(count: count, stream: self) }
}

/// A pseudo-random bijection on 0 ..< count that can be evaluated at any position in O(1).
///
/// A six-round Feistel network over the smallest even number of bits that holds `count`, walked until it lands inside
/// (cycle walking: Black and Rogaway, "Ciphers with Arbitrary Finite Domains", 2002; fewer than 4 walks on average).
package struct Permutation: Sendable {
  package let count: Int
  private let halfBits: UInt64
  private let stream: RandomStream
  private static let rounds = 6

  init(count: Int, stream: RandomStream) {
    precondition(count > 0)
    self.count = count
    self.stream = stream
    var bits = 2
    while bits < 62 && (1 << bits) < count { bits += 2 }
    halfBits = UInt64(bits / 2)
  }

  /// The element at `position`.
  package subscript(position: Int) -> Int {
    precondition(position >= 0 && position < count)
    var value = UInt64(position)
    repeat {
      let mask = (UInt64(1) << halfBits) &- 1
      var left = value >> halfBits
      var right = value & mask
      for round in 0..<Self.rounds {
        let word = stream.words(block: Int(right) &+ (round << 40))
        (left, right) = (right, (left ^ UInt64(word[0])) & mask)
      }
      value = (left << halfBits) | right
    } while value >= UInt64(count)
    return Int(value)
  }
}
