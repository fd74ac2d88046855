import Configuration
import Layers

/// The time and the condition of a diffusion model, as its blocks read them.
struct Conditioning {
  /// (B, width): the embedded time, plus the class's vector where the condition is a class, before the blocks' SiLU.
  let vector: ModelGraph.Value
  /// (B, L, D): the encoded caption for cross-attention, where the condition is a text.
  let text: ModelGraph.Value?
}

extension GraphBuilder {
  /// Adds the layers that read the fields "time" and "condition".
  ///
  ///     time ── TimeEmbedding(base) ── time.0 ── SiLU ── time.2 ──(+)── vector
  ///     condition, a class ── class_embedding ─────────────────────┘
  ///     condition, a caption ── text.token_embedding ── [ text.blocks.i ] ── text.norm ── text
  ///
  /// A class is (B) int32 whose last number means "no condition". A caption is (B, L) tokens, padded at the end with a
  /// token of its own, which is read like any other; "no condition" is padding alone.
  ///
  /// - Parameters:
  ///   - family: for messages.
  ///   - base: sines and cosines of the time.
  ///   - width: of the vector.
  ///   - text: the encoder of captions.
  ///   - initializer: of the two products that follow them.
  mutating func addConditioning(
    _ inputs: BatchInputs, family: String, base: Int, width: Int, text: TextEncoderSettings,
    initializer: Initializer = .glorotUniform
  ) throws(GraphError) -> Conditioning {
    guard let time = inputs.field("time") else {
      throw GraphError(
        node: "input",
        message: "\(family) denoises and reads a field \"time\", which the data do not have; "
          + "add a \"diffusion\" section")
    }
    guard let steps = time.classCount, time.sample.rank == 0 else {
      throw GraphError(
        node: "input", message: "\(family) expects \"time\" to be one whole number a sample, but it is \(time.sample)")
    }
    var vector = try add("time", TimeEmbedding.blueprint(.init(steps: steps, width: base)), time.value)
    vector = try add("time.0", Linear.blueprint(.init(units: width, initializer: initializer)), vector)
    vector = try add("time.1", ActivationLayer.blueprint(.init(.silu)), vector)
    vector = try add("time.2", Linear.blueprint(.init(units: width, initializer: initializer)), vector)
    guard let condition = inputs.field("condition") else { return Conditioning(vector: vector, text: nil) }
    guard let count = condition.classCount, condition.sample.rank <= 1 else {
      throw GraphError(
        node: "input",
        message: "\(family) expects \"condition\" to be a class or a caption's tokens, but a sample's is "
          + "\(condition.sample)\(condition.classCount == nil ? " values" : "")")
    }
    if condition.sample.rank == 1 {
      return Conditioning(vector: vector, text: try addTextEncoder(condition, vocabulary: count, text))
    }
    let embedded = try add(
      "class_embedding", Embedding.blueprint(.init(vocabulary: count, width: width)), condition.value)
    vector = try add("class_embedding.add", ResidualAdd.blueprint(NoSettings()), vector, embedded)
    return Conditioning(vector: vector, text: nil)
  }

  /// A Transformer in which every token sees all of the caption, (B, L) → (B, L, D).
  private mutating func addTextEncoder(
    _ tokens: BatchInputs.Field, vocabulary: Int, _ settings: TextEncoderSettings
  ) throws(GraphError) -> ModelGraph.Value {
    let blocks = TransformerBlocks(
      settings: TransformerSettings(width: settings.width, heads: settings.heads, dropout: settings.dropout),
      branches: 2 * settings.layers, memory: nil)
    var x = try blocks.embed(&self, "text.", tokens, vocabulary: vocabulary)
    for layer in 0..<settings.layers {
      let name = "text.blocks.\(layer)"
      x = try blocks.attend(&self, "\(name).attention", x, to: .itself(isCausal: false), first: nil)
      x = try blocks.feedForward(&self, "\(name).feed_forward", x)
    }
    return try blocks.finalNorm(&self, "text.norm", x)
  }
}
