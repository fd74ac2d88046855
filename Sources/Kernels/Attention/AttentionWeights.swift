import Foundation
import Tensors

/// The weights that attention never keeps, for images of small models and short texts: outside training, one head after
/// the other, with memory for all of them.
package enum AttentionWeights {
  /// p(i, j) of some heads in one row, (heads, T, S): each query's sum to 1, or are 0 where it sees no key. Without
  /// dropout.
  ///
  /// - Parameters:
  ///   - queries: (B, T, H, d), and `keys` (B, S, key heads, d), float32 or bfloat16.
  ///   - mask: int32, where the shape has one.
  ///   - bias: (buckets, H) float32, for relative positions.
  package static func compute(
    _ kernel: AttentionKernel, queries: AttentionHeads, keys: AttentionHeads, mask: TensorSlice?, bias: TensorSlice?,
    row: Int, heads: Range<Int>
  ) -> [Float] {
    precondition(kernel.cacheCapacity == nil && row < kernel.shape.batch && heads.upperBound <= kernel.shape.heads)
    return queries.tensor.type == .bfloat16
      ? compute(kernel, queries, keys, mask, bias, row, heads, as: BFloat16.self)
      : compute(kernel, queries, keys, mask, bias, row, heads, as: Float.self)
  }

  private static func compute<E: PackedElement>(
    _ kernel: AttentionKernel, _ queries: AttentionHeads, _ keys: AttentionHeads, _ mask: TensorSlice?,
    _ bias: TensorSlice?, _ row: Int, _ heads: Range<Int>, as type: E.Type
  ) -> [Float] {
    let shape = kernel.shape
    let bytes = kernel.scratchByteCount(queries.tensor.type, backward: false)
    let scratch = Arena(byteCount: Arena.aligned(bytes))
    let pass = AttentionPass<E>(
      kernel, mask: mask, bias: bias, random: nil, scratch.slice(offset: 0, count: bytes / 4, type: .float32),
      backward: false)
    let width = pass.places.width
    let rows = Arena(byteCount: Arena.aligned(4 * (shape.queries + shape.keys) * width))
    let all = rows.slice(offset: 0, count: (shape.queries + shape.keys) * width, type: .float32)
    let q = all.pointer(as: Float.self)
    let k = q + shape.queries * width
    var weights: [Float] = []
    weights.reserveCapacity(heads.count * shape.queries * shape.keys)
    for h in heads {
      pass.layOutBias(h)
      pass.stage(queries, row, h, first: 0, count: shape.queries, padded: shape.queries, position: 0, into: q)
      pass.stage(
        keys, row, h / shape.groupSize, first: 0, count: shape.keys, padded: shape.keys, position: 0, into: k)
      for i in 0..<shape.queries {
        let scores = (0..<shape.keys).map { j in
          pass.sees(row, i, j)
            ? score(pass, i, j, product: (0..<width).reduce(0) { $0 + q[i * width + $1] * k[j * width + $1] })
            : -Float.infinity
        }
        let peak = scores.max() ?? 0
        let powers = scores.map { peak == -.infinity ? 0 : exp2f($0 - peak) }
        let sum = powers.reduce(0, +)
        weights += powers.map { sum > 0 ? $0 / sum : 0 }
      }
    }
    withExtendedLifetime((scratch, rows)) {}
    return weights
  }

  /// In units of ln 2.
  private static func score<E>(_ pass: AttentionPass<E>, _ i: Int, _ j: Int, product: Float) -> Float {
    let bias = pass.hasBias ? pass.at(pass.places.bias)[pass.shape.keys - 1 + i - j] : 0
    return product * pass.shape.scale * binaryLogarithmOfE + bias
  }
}

extension AttentionPass {
  /// Whether query `i` of row `b` sees key `j`.
  func sees(_ b: Int, _ i: Int, _ j: Int) -> Bool {
    if j >= keyCount(b) || shape.isCausal && j > i { return false }
    return fullMask.map { $0[(b * shape.queries + i) * shape.keys + j] != 0 } ?? true
  }
}
