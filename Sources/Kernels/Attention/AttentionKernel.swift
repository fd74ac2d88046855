import Tensors

/// Scaled dot-product attention of several heads (Vaswani et al. 2017), in tiles that never hold a row of weights as a
/// whole (Dao et al. 2022, 2023).
///
///     s(i, j) = scale·q(i)·k(j) + bias(i − j)      p(i, j) = e^(s(i, j) − L(i))      o(i) = Σ p(i, j)·v(j)
///
/// over the keys j that query i may see. L(i) = ln Σ e^s(i, j) is all that is kept. A query that sees no key gives
/// zeros. Backwards, with D(i) = do(i)·o(i):
///
///     dv(j) = Σ p(i, j)·do(i)      ds(i, j) = p(i, j)·(do(i)·v(j) − D(i))
///     dq(i) = scale·Σ ds(i, j)·k(j)      dk(j) = scale·Σ ds(i, j)·q(i)      dbias(δ) = Σ over i − j = δ of ds(i, j)
///
/// Dropout multiplies p by 0 or 1/(1 − rate) where it meets v and do·v, not in L. Products are float32, or bfloat16
/// summed in float32; everything else is float32. Tiles are transposed: the sixteen lanes of a vector are sixteen
/// queries, so maxima and sums over keys need no shuffles, and a query's bits do not depend on the other queries of its
/// tile. Keys come in tiles from the first one on, so neither later keys nor the cutting of a sequence into pieces
/// changes a bit.
package struct AttentionKernel: Sendable {
  package let shape: AttentionShape
  /// Tokens of the KV cache; nil without one.
  package let cacheCapacity: Int?
  let rotation: RotaryTable?
  /// By head.
  let slopes: [Float]
  /// By i − j + keys − 1.
  let buckets: [Int32]
  let dropout: AttentionDropout?

  /// Keys of a tile.
  static let keyTile = 64

  package init(_ shape: AttentionShape, cacheCapacity: Int? = nil) {
    precondition(shape.heads % shape.keyHeads == 0 && shape.scale > 0)
    precondition(cacheCapacity == nil || (cacheCapacity == shape.keys && shape.isCausal && shape.mask == .none))
    self.shape = shape
    self.cacheCapacity = cacheCapacity
    dropout = shape.dropout > 0 ? AttentionDropout(probability: shape.dropout) : nil
    var rotation: RotaryTable?
    var slopes: [Float] = []
    var buckets: [Int32] = []
    switch shape.position {
    case .none: break
    case .rotary(let theta):
      precondition(shape.headDimension % 2 == 0)
      rotation = RotaryTable(
        positions: max(shape.queries, shape.keys), headDimension: shape.headDimension, theta: theta)
    case .linearBias: slopes = AttentionPositions.slopes(heads: shape.heads)
    case .relative(let count, let largest):
      buckets = (0..<shape.keys + max(shape.queries, cacheCapacity ?? 0)).map {
        Int32(
          AttentionPositions.bucket(
            offset: shape.keys - 1 - $0, buckets: count, largestDistance: largest, isCausal: shape.isCausal))
      }
    }
    self.rotation = rotation
    self.slopes = slopes
    self.buckets = buckets
  }

  /// Bytes of scratch of `forward` or `backward`.
  package func scratchByteCount(_ type: ElementType, backward: Bool) -> Int {
    4 * AttentionPlaces(self, type, backward: backward).count
  }

  /// Shape of the cache of keys, and of that of values: (B, key heads, tokens, padded d), in an order of the kernel's
  /// own.
  package func cacheShape(_ type: ElementType) -> TensorShape {
    TensorShape([
      shape.batch, shape.keyHeads, shape.keys.roundedUp(to: 8), AttentionPlaces(self, type, backward: false).width,
    ])
  }

  /// - Parameters:
  ///   - mask: int32, where the shape has one.
  ///   - bias: (buckets, H) float32, for relative positions.
  ///   - random: in training with dropout.
  ///   - logSumExp: (B, H, T) float32; written.
  package func forward(
    queries: AttentionHeads, keys: AttentionHeads, values: AttentionHeads, mask: TensorSlice?, bias: TensorSlice?,
    random: RandomStream?, into output: AttentionHeads, logSumExp: TensorSlice, scratch: TensorSlice
  ) {
    precondition(cacheCapacity == nil && logSumExp.count == shape.batch * shape.heads * shape.queries)
    func run<E: PackedElement>(_ type: E.Type) {
      var pass = AttentionPass<E>(self, mask: mask, bias: bias, random: random, scratch, backward: false)
      pass.forward(queries, keys, values, output, logSumExp.pointer(as: Float.self))
    }
    if output.tensor.type == .bfloat16 { run(BFloat16.self) } else { run(Float.self) }
  }

  /// The same for the tokens from `position` on, with keys and values of earlier tokens in the KV cache; theirs are
  /// added.
  package func forward(
    queries: AttentionHeads, keys: AttentionHeads, values: AttentionHeads, bias: TensorSlice?, position: Int,
    cachedKeys: TensorSlice, cachedValues: TensorSlice, into output: AttentionHeads, logSumExp: TensorSlice,
    scratch: TensorSlice
  ) {
    precondition(cacheCapacity.map { position >= 0 && position + shape.queries <= $0 } == true, "the KV cache is full")
    func run<E: PackedElement>(_ type: E.Type) {
      var pass = AttentionPass<E>(self, mask: nil, bias: bias, random: nil, scratch, backward: false)
      pass.continueForward(
        queries, keys, values, output, logSumExp.pointer(as: Float.self), position: position,
        cachedKeys.pointer(as: Float.self), cachedValues.pointer(as: Float.self))
    }
    if output.tensor.type == .bfloat16 { run(BFloat16.self) } else { run(Float.self) }
  }

  /// - Parameters:
  ///   - gradients: those of queries, keys and values, where they are needed; added to where `accumulates` is set.
  ///   - biasGradient: (buckets, H) float32.
  package func backward(
    queries: AttentionHeads, keys: AttentionHeads, values: AttentionHeads, mask: TensorSlice?, bias: TensorSlice?,
    random: RandomStream?, output: AttentionHeads, logSumExp: TensorSlice, outputGradient: AttentionHeads,
    into gradients: AttentionGradients, biasGradient: TensorSlice?, accumulatesBias: Bool, scratch: TensorSlice
  ) {
    if !accumulatesBias { biasGradient?.zero() }
    func run<E: PackedElement>(_ type: E.Type) {
      var pass = AttentionPass<E>(self, mask: mask, bias: bias, random: random, scratch, backward: true)
      pass.biasGradient = biasGradient?.pointer(as: Float.self)
      pass.backward(queries, keys, values, output, logSumExp.pointer(as: Float.self), outputGradient, gradients)
    }
    if output.tensor.type == .bfloat16 { run(BFloat16.self) } else { run(Float.self) }
  }
}

/// The gradients of queries, and of keys and values.
package struct AttentionGradients {
  var queries, keys, values: AttentionHeads?
  var accumulatesQueries: Bool
  var accumulatesKeys: Bool

  package init(
    queries: AttentionHeads?, accumulatesQueries: Bool, keys: AttentionHeads?, values: AttentionHeads?,
    accumulatesKeys: Bool
  ) {
    self.queries = queries
    self.keys = keys
    self.values = values
    self.accumulatesQueries = accumulatesQueries
    self.accumulatesKeys = accumulatesKeys
  }
}
