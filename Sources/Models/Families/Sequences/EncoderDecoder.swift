import Configuration
import Layers

/// The Transformer of Vaswani et al. 2017, figure 1: an encoder reads a source, a decoder writes a target.
///
///     source ── encoder.token_embedding ── [ attention ── feed_forward ]·encoder_layers ── norm ──┐
///     input ── decoder.token_embedding ── [ attention ── cross_attention ── feed_forward ]·layers ── norm ── head
///
/// The decoder's own attention is causal; nothing attends to the padding of the source, after its `source_lengths`.
package struct EncoderDecoder: Architecture, Settings {
  private let settings: TransformerSettings
  private let layers: Int
  private let encoderLayers: Int

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    layers = try reader.integer("layers", in: 1...1000, "blocks of the decoder")
    let encoderLayers = try reader.optionalInteger(
      "encoder_layers", in: 1...1000, "blocks of the encoder; as many as \"layers\" if absent")
    self.encoderLayers = encoderLayers ?? layers
    settings = try TransformerSettings(from: reader)
  }

  package func memory(ofSamples length: Int) -> SequenceMemory? { .tokens(settings.context ?? length) }

  package func build(
    _ graph: inout GraphBuilder, inputs: BatchInputs, outputs: Int
  ) throws(GraphError) -> ModelGraph.Value {
    let tokens = try inputs.tokens(for: "encoder_decoder")
    let source = try inputs.require("source", for: "encoder_decoder")
    let lengths = try inputs.require("source_lengths", for: "encoder_decoder").value
    let vocabulary = source.classCount ?? outputs
    let encoder = TransformerBlocks(settings: settings, branches: 2 * encoderLayers, memory: nil)
    var memory = try encoder.embed(&graph, "encoder.", source, vocabulary: vocabulary)
    for layer in 0..<encoderLayers {
      let name = "encoder.blocks.\(layer)"
      memory = try encoder.attend(
        &graph, "\(name).attention", memory, to: .itself(isCausal: false), lengths: lengths,
        first: layer == 0 ? nil : "encoder.blocks.0.attention")
      memory = try encoder.feedForward(&graph, "\(name).feed_forward", memory)
    }
    memory = try encoder.finalNorm(&graph, "encoder.norm", memory)

    let decoder = TransformerBlocks(settings: settings, branches: 3 * layers, memory: inputs.memory)
    // One table of vectors where both sides have the same tokens (Vaswani et al. 2017, section 3.4).
    var x = try decoder.embed(
      &graph, "decoder.", tokens, vocabulary: outputs,
      sharing: settings.tiesHead && vocabulary == outputs ? "encoder.token_embedding" : nil)
    for layer in 0..<layers {
      let name = "decoder.blocks.\(layer)"
      x = try decoder.attend(
        &graph, "\(name).attention", x, to: .itself(isCausal: true),
        first: layer == 0 ? nil : "decoder.blocks.0.attention")
      x = try decoder.attend(&graph, "\(name).cross_attention", x, to: .other(memory), lengths: lengths, first: nil)
      x = try decoder.feedForward(&graph, "\(name).feed_forward", x)
    }
    x = try decoder.finalNorm(&graph, "decoder.norm", x)
    return try decoder.head(
      &graph, x, vocabulary: outputs,
      embedding: settings.tiesHead && vocabulary == outputs ? "encoder.token_embedding" : "decoder.token_embedding")
  }
}
