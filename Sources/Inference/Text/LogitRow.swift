import Foundation
import Runs

/// A model's scores of the next token in one row; −∞ excludes a token.
struct LogitRow {
  private(set) var values: [Float]

  /// - Throws: if a score is NaN or +∞, or all tokens are excluded.
  init(_ values: ArraySlice<Float>) throws(RunError) {
    var largest = -Float.infinity
    for (token, value) in values.enumerated() {
      guard value < .infinity else {
        throw RunError(
          "the model's score of token \(token) is \(value.isNaN ? "not a number" : "infinite"): its parameters are"
            + " damaged or have diverged; use another checkpoint (--checkpoint best)")
      }
      largest = max(largest, value)
    }
    guard largest > -.infinity else {
      throw RunError("the model gives no token any probability; use another checkpoint (--checkpoint best)")
    }
    self.values = Array(values)
  }

  /// Makes earlier tokens less likely (Keskar et al. 2019, section 4.1): positive scores are divided by
  /// `penalty`, negative ones multiplied by it, so that a penalty above 1 never makes a token likelier.
  mutating func penalize(_ tokens: Set<Int32>, by penalty: Float) {
    for token in tokens {
      let value = values[Int(token)]
      values[Int(token)] = value > 0 ? value / penalty : value * penalty
    }
  }

  /// The token with the highest score, the first of equal ones.
  var best: Int {
    var best = 0
    for token in values.indices where values[token] > values[best] { best = token }
    return best
  }

  /// The `count` tokens with the highest scores, best first; equal ones are in order. Fewer if others are excluded.
  func best(_ count: Int) -> [Int] {
    if count >= values.count {
      return values.indices.filter { values[$0] > -.infinity }.sorted { precedes($0, $1) }
    }
    var chosen: [Int] = []
    chosen.reserveCapacity(count + 1)
    for token in values.indices where values[token] > -.infinity {
      if chosen.count == count {
        guard values[token] > values[chosen[count - 1]] else { continue }
        chosen.removeLast()
      }
      var (low, high) = (0, chosen.count)
      while low < high {
        let middle = (low + high) / 2
        if precedes(chosen[middle], token) { low = middle + 1 } else { high = middle }
      }
      chosen.insert(token, at: low)
    }
    return chosen
  }

  private func precedes(_ a: Int, _ b: Int) -> Bool {
    values[a] != values[b] ? values[a] > values[b] : a < b
  }

  /// ln Σ e^score.
  var logSum: Double {
    let largest = Double(values[best])
    return largest + log(values.reduce(0) { $0 + exp(Double($1) - largest) })
  }
}
