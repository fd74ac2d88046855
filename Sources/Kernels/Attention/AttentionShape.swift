import Tensors

/// Which keys a query may see, besides causality.
package enum AttentionMask: String, CaseIterable, Sendable {
  case none
  /// (B) int32: row b sees only its first keys; the others are padding.
  case lengths
  /// (B, T, S) int32: 1 where the query sees the key, 0 where it does not.
  case full
}

/// How attention depends on the positions of tokens.
package enum AttentionPosition: Hashable, Sendable {
  case none
  /// Queries and keys turned by an angle that grows with their position (Su et al. 2021).
  case rotary(theta: Double)
  /// A penalty that grows linearly with the distance (Press et al. 2022).
  case linearBias
  /// A learned number for each bucket of distances (Raffel et al. 2020).
  case relative(buckets: Int, largestDistance: Int)
}

/// Extents and rules of one attention; the formula is at `AttentionKernel`.
package struct AttentionShape: Hashable, Sendable {
  /// B.
  package var batch: Int
  /// T, tokens of the queries.
  package var queries: Int
  /// S, tokens of the keys; with a KV cache, its capacity.
  package var keys: Int
  /// H, of queries.
  package var heads: Int
  /// Heads of keys and values: query head h reads number h / (H / keyHeads).
  package var keyHeads: Int
  /// d.
  package var headDimension: Int
  package var isCausal = false
  /// The factor on products of queries and keys.
  package var scale: Float
  package var mask = AttentionMask.none
  package var position = AttentionPosition.none
  /// The probability that a weight is dropped in training.
  package var dropout: Float = 0

  package init(
    batch: Int, queries: Int, keys: Int, heads: Int, keyHeads: Int, headDimension: Int, scale: Float
  ) {
    self.batch = batch
    self.queries = queries
    self.keys = keys
    self.heads = heads
    self.keyHeads = keyHeads
    self.headDimension = headDimension
    self.scale = scale
  }

  /// Query heads that share a head of keys and values.
  package var groupSize: Int { heads / keyHeads }

  /// Pairs of query and key in one head of one row, hidden ones aside where causality hides them.
  package var pairCount: Int { isCausal ? queries * (queries + 1) / 2 : queries * keys }
}

/// Heads of d elements each inside the rows of a tensor: element c of head h of token t in row b lies at
/// offset + (b·tokens + t)·stride + h·d + c.
package struct AttentionHeads: Sendable {
  let tensor: TensorSlice
  let tokens: Int
  let stride: Int
  let offset: Int

  package init(_ tensor: TensorSlice, tokens: Int, stride: Int, offset: Int = 0) {
    self.tensor = tensor
    self.tokens = tokens
    self.stride = stride
    self.offset = offset
  }

  @inline(__always) func row<E>(_ b: Int, _ token: Int, _ column: Int, as type: E.Type) -> UnsafeMutablePointer<E> {
    tensor.pointer(as: E.self) + (offset + (b &* tokens &+ token) &* stride &+ column)
  }
}

extension Int {
  /// The next multiple of `unit`.
  @inline(__always) func roundedUp(to unit: Int) -> Int { (self + unit - 1) / unit * unit }
}
