import Kernels
import Layers

/// Adds the parts of a Transformer to a graph.
///
///     pre    x ── norm ── attention ── dropout ── (+) ── norm ── up ── f ── down ── dropout ── (+)
///            └────────────────────────────────────┘└─────────────────────────────────────────┘
///     post   x ── attention ── dropout ── (+ x) ── norm ── up ── f ── down ── dropout ── (+) ── norm
struct TransformerBlocks {
  let settings: TransformerSettings
  /// Branches of the whole model: the weights that end one start smaller by its square root, so that their sum starts
  /// at the same size in networks of every depth (Radford et al. 2019).
  let branches: Int
  /// See `BatchInputs.memory`.
  let memory: Int?

  /// The sequence that a token attends to.
  enum Attended {
    /// Tokens of its own sequence.
    case itself(isCausal: Bool)
    /// Another sequence, which an encoder has read.
    case other(ModelGraph.Value)
  }

  // MARK: Embedding and head

  /// Vectors of tokens with their places, (B, T) → (B, T, width).
  ///
  /// - Parameters:
  ///   - prefix: of the names, such as `encoder.`; empty in a model of one stack.
  ///   - shared: the node whose table of vectors this one shares.
  func embed(
    _ graph: inout GraphBuilder, _ prefix: String, _ tokens: BatchInputs.Field, vocabulary: Int,
    sharing shared: String? = nil
  ) throws(GraphError) -> ModelGraph.Value {
    var embedding = Embedding.LayerSettings(vocabulary: vocabulary, width: settings.width)
    embedding.initializer = .normal(deviation: settings.deviation)
    var x = try graph.add("\(prefix)token_embedding", Embedding.blueprint(embedding), tokens.value, sharing: shared)
    let kind: PositionEmbedding.Kind? =
      switch settings.position {
      case .learned: .learned
      case .sinusoidal: .sinusoidal
      case .rope, .alibi, .relative, .none: nil
      }
    if let kind {
      var places = PositionEmbedding.LayerSettings(kind, context: settings.context ?? tokens.sample[0])
      places.initializer = .normal(deviation: settings.deviation)
      if kind == .sinusoidal { places.scale = Double(settings.width).squareRoot() }
      x = try graph.add("\(prefix)position_embedding", PositionEmbedding.blueprint(places), x)
    }
    return try dropped(&graph, "\(prefix)embedding_dropout", x)
  }

  /// Scores of the next token, (B, T, width) → (B, T, vocabulary).
  ///
  /// - Parameter embedding: the node whose vectors a tied head compares with.
  func head(
    _ graph: inout GraphBuilder, _ x: ModelGraph.Value, vocabulary: Int, embedding: String
  ) throws(GraphError) -> ModelGraph.Value {
    try graph.add(
      "head", linear(vocabulary, hasBias: false), x, sharing: settings.tiesHead ? embedding : nil)
  }

  /// The norm after the last block, where blocks do not end with one.
  func finalNorm(_ graph: inout GraphBuilder, _ name: String, _ x: ModelGraph.Value) throws(GraphError)
    -> ModelGraph.Value
  {
    settings.normalizationPlace == .pre ? try normalized(&graph, name, x) : x
  }

  // MARK: Branches

  /// x + attention of each token to the tokens of `attended`.
  ///
  /// - Parameters:
  ///   - name: of the branch: `blocks.0.attention`, with a norm `blocks.0.attention_norm`.
  ///   - lengths: tokens of each attended sequence that are not padding; nil where all are.
  ///   - first: the branch whose relative positions the stack shares; nil in the first.
  func attend(
    _ graph: inout GraphBuilder, _ name: String, _ x: ModelGraph.Value, to attended: Attended,
    lengths: ModelGraph.Value? = nil, first: String?
  ) throws(GraphError) -> ModelGraph.Value {
    try branch(&graph, name, x) { (graph, x) throws(GraphError) in
      var attention = Attention.LayerSettings(heads: settings.heads)
      attention.keyHeads = settings.kvHeads
      attention.dropout = settings.dropout
      attention.mask = lengths == nil ? .none : .lengths
      guard settings.width % settings.heads == 0 else {
        throw GraphError(
          node: name, message: "\(settings.heads) heads do not divide a width of \(settings.width); use a divisor of it"
        )
      }
      let keys = 2 * settings.kvHeads * (settings.width / settings.heads)
      let y: ModelGraph.Value
      switch attended {
      case .itself(let isCausal):
        attention.isCausal = isCausal
        attention.position =
          switch settings.position {
          case .rope: .rope
          case .alibi: .alibi
          case .relative: .relative
          case .learned, .sinusoidal, .none: .none
          }
        if isCausal { attention.cacheCapacity = memory }
        let qkv = try graph.add("\(name).qkv", linear(settings.width + keys), x)
        y = try graph.add(
          name, Attention.blueprint(attention), [qkv] + [lengths].compactMap(\.self),
          sharing: attention.position == .relative ? first : nil)
      case .other(let other):
        let q = try graph.add("\(name).q", linear(settings.width), x)
        let kv = try graph.add("\(name).kv", linear(keys), other)
        y = try graph.add(name, Attention.blueprint(attention), [q, kv] + [lengths].compactMap(\.self))
      }
      return try graph.add("\(name).proj", linear(settings.width, endsBranch: true), y)
    }
  }

  /// x + a feed-forward network of each token: two products with a nonlinearity between them.
  func feedForward(
    _ graph: inout GraphBuilder, _ name: String, _ x: ModelGraph.Value
  ) throws(GraphError) -> ModelGraph.Value {
    try branch(&graph, name, x) { (graph, x) throws(GraphError) in
      let function = settings.feedForward.activation
      var y: ModelGraph.Value
      if settings.feedForward.isGated {
        y = try graph.add("\(name).gate_up", linear(2 * settings.feedForwardWidth), x)
        y = try graph.add("\(name).gate", GatedActivation.blueprint(.init(function)), y)
      } else {
        y = try graph.add("\(name).up", linear(settings.feedForwardWidth), x)
        y = try graph.add("\(name).activation", ActivationLayer.blueprint(.init(function)), y)
      }
      return try graph.add("\(name).down", linear(settings.width, endsBranch: true), y)
    }
  }

  private func branch(
    _ graph: inout GraphBuilder, _ name: String, _ x: ModelGraph.Value,
    _ body: (inout GraphBuilder, ModelGraph.Value) throws(GraphError) -> ModelGraph.Value
  ) throws(GraphError) -> ModelGraph.Value {
    let isPre = settings.normalizationPlace == .pre
    var y = isPre ? try normalized(&graph, "\(name)_norm", x) : x
    y = try body(&graph, y)
    y = try dropped(&graph, "\(name).dropout", y)
    y = try graph.add("\(name).add", ResidualAdd.blueprint(NoSettings()), x, y)
    return isPre ? y : try normalized(&graph, "\(name)_norm", y)
  }

  // MARK: Layers

  private func linear(_ units: Int, hasBias: Bool? = nil, endsBranch: Bool = false) -> LayerBlueprint {
    let deviation = endsBranch ? settings.deviation / Double(branches).squareRoot() : settings.deviation
    var linear = Linear.LayerSettings(units: units, initializer: .normal(deviation: deviation))
    linear.hasBias = hasBias ?? settings.hasBias
    return Linear.blueprint(linear)
  }

  private func normalized(
    _ graph: inout GraphBuilder, _ name: String, _ x: ModelGraph.Value
  ) throws(GraphError) -> ModelGraph.Value {
    switch settings.normalization {
    case .rms: return try graph.add(name, RMSNorm.blueprint(.init()), x)
    case .layer:
      var norm = LayerNorm.LayerSettings()
      norm.hasBias = settings.hasBias
      return try graph.add(name, LayerNorm.blueprint(norm), x)
    }
  }

  private func dropped(
    _ graph: inout GraphBuilder, _ name: String, _ x: ModelGraph.Value
  ) throws(GraphError) -> ModelGraph.Value {
    settings.dropout > 0 ? try graph.add(name, Dropout.blueprint(.init(rate: settings.dropout)), x) : x
  }
}
