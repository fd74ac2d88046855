import Configuration
import Layers

/// A Transformer that predicts the next token (Radford et al. 2019), and its relatives through `preset` and other keys.
///
///     tokens ── token_embedding ── position_embedding
///            ── [ blocks.i.attention ── blocks.i.feed_forward ]·layers ── norm ── head
///
/// Attention is causal: a prediction depends on no later token.
package struct Transformer: Architecture, Settings {
  private let settings: TransformerSettings
  private let layers: Int

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    layers = try reader.integer("layers", in: 1...1000, "blocks, each of attention and a feed-forward network")
    settings = try TransformerSettings(from: reader)
  }

  package var predictsNextToken: Bool { true }

  package func memory(ofSamples length: Int) -> SequenceMemory? { .tokens(settings.context ?? length) }

  package func build(
    _ graph: inout GraphBuilder, inputs: BatchInputs, outputs: Int
  ) throws(GraphError) -> ModelGraph.Value {
    let tokens = try inputs.tokens(for: "transformer")
    let blocks = TransformerBlocks(settings: settings, branches: 2 * layers, memory: inputs.memory)
    var x = try blocks.embed(&graph, "", tokens, vocabulary: outputs)
    for layer in 0..<layers {
      x = try blocks.attend(
        &graph, "blocks.\(layer).attention", x, to: .itself(isCausal: true),
        first: layer == 0 ? nil : "blocks.0.attention")
      x = try blocks.feedForward(&graph, "blocks.\(layer).feed_forward", x)
    }
    x = try blocks.finalNorm(&graph, "norm", x)
    return try blocks.head(&graph, x, vocabulary: outputs, embedding: "token_embedding")
  }
}
