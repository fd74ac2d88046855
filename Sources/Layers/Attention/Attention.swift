import Configuration
import Kernels
import Tensors

/// Scaled dot-product attention of several heads (Vaswani et al. 2017); the formula is at `AttentionKernel`.
///
/// B rows, T tokens of queries, S of keys and values, H heads of queries, G of keys and values, d elements per head.
/// Inputs:
///
/// - of self-attention (B, T, (H + 2·G)·d): queries, keys, values, each by heads, as one linear layer gives them;
/// - of cross-attention (B, T, H·d), queries, and (B, S, 2·G·d), keys and values;
/// - then the mask, if the settings name one: (B) or (B, T, S) int32.
///
/// The output is (B, T, H·d). A query that sees no key gives zeros. Keeps the log-sum-exp of the scores, (B, H, T).
/// With fewer heads of keys (Shazeer 2019; Ainslie et al. 2023), query head h reads number h / (H/G).
///
/// With `cacheCapacity` the layer reads sequences piece by piece and keeps keys and values of earlier pieces in a KV
/// cache (turned by their positions already); its results are, bit for bit, those of reading the whole sequence at
/// once.
package struct Attention: ConfigurableLayer {
  package static let kind = "attention"

  package let settings: LayerSettings
  package let inputShapes: [TensorShape]
  package let outputShape: TensorShape
  private let shape: AttentionShape
  private let kernel: AttentionKernel
  private let isSelfAttention: Bool

  package init(settings: LayerSettings, inputs: [TensorShape]) throws(LayerError) {
    let count = inputs.count - (settings.mask == .none ? 0 : 1)
    guard count == 1 || count == 2 else {
      throw LayerError(
        "attention takes one input (queries, keys, values) or two (queries; keys and values)"
          + (settings.mask == .none ? "" : ", then a mask") + ", got \(inputs.count)")
    }
    for input in inputs.prefix(count) where input.rank != 3 {
      throw LayerError("attention expects tokens of shape (B, T, D), got \(input)")
    }
    self.settings = settings
    isSelfAttention = count == 1
    shape = try isSelfAttention ? Self.ofSelf(settings, inputs[0]) : Self.ofTwo(settings, inputs[0], inputs[1])
    inputShapes = inputs
    outputShape = TensorShape([shape.batch, shape.queries, shape.heads * shape.headDimension])
    try Self.check(settings, shape, isSelf: isSelfAttention)
    if let mask = inputs.last, settings.mask != .none {
      let expected = settings.mask == .lengths ? [shape.batch] : [shape.batch, shape.queries, shape.keys]
      guard mask.dimensions == expected else {
        throw LayerError("attention expects a mask of shape \(TensorShape(expected)), got \(mask)")
      }
    }
    var kernelShape = shape
    if let capacity = settings.cacheCapacity { kernelShape.keys = capacity }
    kernel = AttentionKernel(kernelShape, cacheCapacity: settings.cacheCapacity)
  }

  private static func ofSelf(_ settings: LayerSettings, _ input: TensorShape) throws(LayerError) -> AttentionShape {
    let parts = settings.heads + 2 * (settings.keyHeads ?? settings.heads)
    guard input.last % parts == 0 else {
      throw LayerError(
        "attention cannot divide a width of \(input.last) into \(settings.heads) heads of queries and "
          + "\(settings.keyHeads ?? settings.heads) each of keys and values; it must be a multiple of \(parts)")
    }
    return shape(settings, input, keys: input[1], input.last / parts)
  }

  private static func ofTwo(
    _ settings: LayerSettings, _ queries: TensorShape, _ keys: TensorShape
  ) throws(LayerError) -> AttentionShape {
    guard queries.last % settings.heads == 0 else {
      throw LayerError("attention cannot divide a width of \(queries.last) into \(settings.heads) heads")
    }
    let dimension = queries.last / settings.heads
    let expected = [queries[0], keys[1], 2 * (settings.keyHeads ?? settings.heads) * dimension]
    guard keys.dimensions == expected else {
      throw LayerError(
        "attention with queries of \(queries) and heads of \(dimension) elements expects keys and values of shape "
          + "\(TensorShape(expected)), got \(keys)")
    }
    return shape(settings, queries, keys: keys[1], dimension)
  }

  private static func shape(
    _ settings: LayerSettings, _ queries: TensorShape, keys: Int, _ dimension: Int
  ) -> AttentionShape {
    var shape = AttentionShape(
      batch: queries[0], queries: queries[1], keys: keys, heads: settings.heads,
      keyHeads: settings.keyHeads ?? settings.heads, headDimension: dimension,
      scale: Float(settings.scale ?? 1 / Double(dimension).squareRoot()))
    shape.isCausal = settings.isCausal
    shape.mask = settings.mask
    shape.position = settings.kernelPosition
    shape.dropout = Float(settings.dropout)
    return shape
  }

  private static func check(
    _ settings: LayerSettings, _ shape: AttentionShape, isSelf: Bool
  ) throws(LayerError) {
    guard shape.heads % shape.keyHeads == 0 else {
      throw LayerError("attention cannot share \(shape.keyHeads) heads of keys among \(shape.heads) heads of queries")
    }
    if settings.position == .rope, shape.headDimension % 2 != 0 {
      throw LayerError("rope turns pairs of elements, but a head has \(shape.headDimension); use an even number")
    }
    if !isSelf, settings.isCausal || settings.position != .none || settings.cacheCapacity != nil {
      throw LayerError(
        "cross-attention has no order between queries and keys: it takes no causal, position or KV cache")
    }
    if case .relative(let buckets, let distance) = shape.position {
      let exact = buckets / (settings.isCausal ? 2 : 4)
      guard exact < distance else {
        throw LayerError("max_distance must be above \(exact) with \(buckets) buckets, got \(distance)")
      }
    }
    guard let capacity = settings.cacheCapacity else { return }
    guard settings.isCausal, settings.mask == .none else {
      throw LayerError("attention can only keep a KV cache where it is causal and has no mask")
    }
    guard shape.queries <= capacity else {
      throw LayerError("attention cannot read \(shape.queries) tokens at once into a KV cache of \(capacity)")
    }
  }

  package var integerInputs: [Int: Int] {
    switch settings.mask {
    case .none: [:]
    case .lengths: [inputShapes.count - 1: shape.keys + 1]
    case .full: [inputShapes.count - 1: 2]
    }
  }

  /// Named as in Hugging Face's T5.
  package var parameters: [ParameterDeclaration] {
    guard case .relative(let buckets, _) = shape.position else { return [] }
    return [
      ParameterDeclaration(
        "relative_attention_bias.weight", TensorShape([buckets, shape.heads]), .normal(deviation: 0.02),
        isPrepared: true)
    ]
  }

  package var saved: [TensorShape] { [TensorShape([shape.batch, shape.heads, shape.queries])] }
  package var backwardReads: BackwardReads { [.inputs, .output] }
  package var forwardFlops: Int { 4 * shape.batch * shape.heads * shape.headDimension * shape.pairCount }

  package func sequenceState(_ placement: LayerPlacement) -> [SequenceStateDeclaration] {
    guard settings.cacheCapacity != nil else { return [] }
    let cache = kernel.cacheShape(placement.inputs)
    return [
      SequenceStateDeclaration("keys", cache, placement.inputs),
      SequenceStateDeclaration("values", cache, placement.inputs),
    ]
  }

  package func scratchByteCount(_ placement: LayerPlacement) -> Int {
    max(
      kernel.scratchByteCount(placement.inputs, backward: false),
      placement.isTraining ? kernel.scratchByteCount(placement.inputs, backward: true) : 0)
  }

  /// Views of queries, keys and values, or of their gradients, in the tensors that hold them.
  private func heads(
    _ first: TensorSlice, _ second: TensorSlice?
  ) -> (queries: AttentionHeads, keys: AttentionHeads, values: AttentionHeads) {
    let (d, stride) = (shape.headDimension, inputShapes[0].last)
    let (width, keyWidth) = (shape.heads * d, shape.keyHeads * d)
    let queries = AttentionHeads(first, tokens: shape.queries, stride: stride)
    guard let second else {
      return (
        queries, AttentionHeads(first, tokens: shape.keys, stride: stride, offset: width),
        AttentionHeads(first, tokens: shape.keys, stride: stride, offset: width + keyWidth)
      )
    }
    return (
      queries, AttentionHeads(second, tokens: shape.keys, stride: 2 * keyWidth),
      AttentionHeads(second, tokens: shape.keys, stride: 2 * keyWidth, offset: keyWidth)
    )
  }

  private func output(_ tensor: TensorSlice) -> AttentionHeads {
    AttentionHeads(tensor, tokens: shape.queries, stride: outputShape.last)
  }

  package func forward(_ frame: Frame) {
    let inputs = heads(frame.input(0), isSelfAttention ? nil : frame.input(1))
    let bias = hasBias ? frame.parameter(0) : nil
    if settings.cacheCapacity != nil {
      kernel.forward(
        queries: inputs.queries, keys: inputs.keys, values: inputs.values, bias: bias, position: frame.position,
        cachedKeys: frame.sequenceState(0), cachedValues: frame.sequenceState(1), into: output(frame.output),
        logSumExp: frame.saved(0), scratch: frame.scratch)
    } else {
      kernel.forward(
        queries: inputs.queries, keys: inputs.keys, values: inputs.values, mask: mask(frame), bias: bias,
        random: frame.isTraining ? frame.random(.dropout) : nil, into: output(frame.output),
        logSumExp: frame.saved(0), scratch: frame.scratch)
    }
  }

  package func backward(_ frame: Frame) {
    let inputs = heads(frame.input(0), isSelfAttention ? nil : frame.input(1))
    kernel.backward(
      queries: inputs.queries, keys: inputs.keys, values: inputs.values, mask: mask(frame),
      bias: hasBias ? frame.parameter(0) : nil, random: frame.isTraining ? frame.random(.dropout) : nil,
      output: output(frame.output), logSumExp: frame.saved(0), outputGradient: output(frame.outputGradient),
      into: gradients(frame), biasGradient: hasBias ? frame.parameterGradient(0) : nil,
      accumulatesBias: hasBias && frame.accumulatesParameterGradient(0), scratch: frame.scratch)
  }

  /// The weights of one row, (H, T, S), for an image; not for a layer with a KV cache.
  ///
  /// - Parameters:
  ///   - inputs: the layer's.
  ///   - bias: the parameter, where the layer has one.
  package func weights(inputs: [TensorSlice], bias: TensorSlice?, row: Int) -> [Float] {
    let views = heads(inputs[0], isSelfAttention ? nil : inputs[1])
    return AttentionWeights.compute(
      kernel, queries: views.queries, keys: views.keys, mask: settings.mask == .none ? nil : inputs.last, bias: bias,
      row: row, heads: 0..<shape.heads)
  }

  private func mask(_ frame: Frame) -> TensorSlice? {
    settings.mask == .none ? nil : frame.input(inputShapes.count - 1)
  }

  private func gradients(_ frame: Frame) -> AttentionGradients {
    let source = isSelfAttention ? 0 : 1
    let first = frame.inputGradient(0)
    let second = frame.inputGradient(source)
    // Each gradient has the layout of its input, so the views of one tensor do for both.
    let queries = first.map { heads($0, isSelfAttention ? nil : $0).queries }
    let others = second.map { heads($0, isSelfAttention ? nil : $0) }
    return AttentionGradients(
      queries: queries, accumulatesQueries: frame.accumulatesInputGradient(0), keys: others?.keys,
      values: others?.values, accumulatesKeys: frame.accumulatesInputGradient(source))
  }

  private var hasBias: Bool { settings.position == .relative }
}
