import Foundation
import Kernels

/// Attention and its gradients as plain loops in float64, over (B, tokens, heads, d).
struct AttentionReference {
  var shape: AttentionShape
  var sees: (_ b: Int, _ i: Int, _ j: Int) -> Bool = { _, _, _ in true }
  /// By head and i − j.
  var bias: (_ h: Int, _ distance: Int) -> Double = { _, _ in 0 }
  /// The factors of dropout on the weights.
  var factor: (_ b: Int, _ h: Int, _ i: Int, _ j: Int) -> Double = { _, _, _, _ in 1 }

  struct Results {
    var output, logSumExp, weights: [Double]
    var queries: [Double] = []
    var keys: [Double] = []
    var values: [Double] = []
    /// By (b, h, i, j): the gradient of the scores.
    var scores: [Double] = []
  }

  /// Rotate half: (x, y) → (x·cos − y·sin, y·cos + x·sin) for elements c and c + d/2.
  func turned(_ x: [Double], heads: Int, back: Bool = false) -> [Double] {
    guard case .rotary(let theta) = shape.position else { return x }
    let d = shape.headDimension
    var result = x
    let tokens = x.count / (shape.batch * heads * d)
    for row in 0..<x.count / d {
      let position = row / heads % tokens
      for c in 0..<d / 2 {
        let angle = (back ? -1 : 1) * Double(position) * pow(theta, -2 * Double(c) / Double(d))
        let (first, second) = (x[row * d + c], x[row * d + c + d / 2])
        result[row * d + c] = first * cos(angle) - second * sin(angle)
        result[row * d + c + d / 2] = second * cos(angle) + first * sin(angle)
      }
    }
    return result
  }

  func run(_ q: [Double], _ k: [Double], _ v: [Double], outputGradient: [Double]) -> Results {
    let (T, S, H, G, d) = (shape.queries, shape.keys, shape.heads, shape.keyHeads, shape.headDimension)
    let (q, k) = (turned(q, heads: H), turned(k, heads: G))
    let scale = Double(shape.scale)
    var results = Results(
      output: Array(repeating: 0, count: q.count), logSumExp: Array(repeating: 0, count: shape.batch * H * T),
      weights: Array(repeating: 0, count: shape.batch * H * T * S))
    results.queries = Array(repeating: 0, count: q.count)
    results.keys = Array(repeating: 0, count: k.count)
    results.values = results.keys
    results.scores = results.weights
    for b in 0..<shape.batch {
      for h in 0..<H {
        for i in 0..<T {
          func query(_ c: Int) -> Int { ((b * T + i) * H + h) * d + c }
          func key(_ j: Int, _ c: Int) -> Int { ((b * S + j) * G + h / (H / G)) * d + c }
          let visible = (0..<S).filter { sees(b, i, $0) && !(shape.isCausal && $0 > i) }
          let scores = visible.map { j in
            scale * (0..<d).reduce(0) { $0 + q[query($1)] * k[key(j, $1)] } + bias(h, i - j)
          }
          guard let peak = scores.max() else { continue }
          let logSumExp = peak + log(scores.reduce(0) { $0 + exp($1 - peak) })
          let row = (b * H + h) * T + i
          results.logSumExp[row] = logSumExp
          for (j, score) in zip(visible, scores) {
            let weight = exp(score - logSumExp)
            results.weights[row * S + j] = weight
            for c in 0..<d { results.output[query(c)] += weight * factor(b, h, i, j) * v[key(j, c)] }
          }
          let correction = (0..<d).reduce(0) { $0 + outputGradient[query($1)] * results.output[query($1)] }
          for j in visible {
            let weight = results.weights[row * S + j]
            let product = (0..<d).reduce(0) { $0 + outputGradient[query($1)] * v[key(j, $1)] }
            let difference = weight * (factor(b, h, i, j) * product - correction)
            results.scores[row * S + j] = difference
            for c in 0..<d {
              results.values[key(j, c)] += weight * factor(b, h, i, j) * outputGradient[query(c)]
              results.queries[query(c)] += scale * difference * k[key(j, c)]
              results.keys[key(j, c)] += scale * difference * q[query(c)]
            }
          }
        }
      }
    }
    results.queries = turned(results.queries, heads: H, back: true)
    results.keys = turned(results.keys, heads: G, back: true)
    return results
  }
}
