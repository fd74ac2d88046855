import Configuration
import Kernels
import Layers

/// Settings of the blocks of every Transformer.
package struct TransformerSettings: Settings {
  /// Well-known shapes; every key can still be set by itself.
  package enum Preset: String, CaseIterable, Sendable {
    /// As nanoGPT trains: layer norm, GELU, no biases, learned positions, the head tied to the embedding.
    case gpt
    /// As GPT-2 was published (Radford et al. 2019): the same with biases and the tanh form of GELU.
    case gpt2
    /// Touvron et al. 2023: RMS norm, SwiGLU, rotary positions, no biases, a head of its own.
    case llama
  }

  package enum Normalization: String, CaseIterable, Sendable { case layer, rms }

  package enum NormalizationPlace: String, CaseIterable, Sendable {
    /// x + f(norm(x)), as GPT-2 does.
    case pre
    /// norm(x + f(x)), as Vaswani et al. 2017 do.
    case post
  }

  package enum FeedForward: String, CaseIterable, Sendable {
    case relu, silu, gelu
    case geluTanh = "gelu_tanh"
    case swiglu, geglu

    var activation: Activation {
      switch self {
      case .relu: .relu
      case .silu, .swiglu: .silu
      case .gelu, .geglu: .gelu
      case .geluTanh: .geluTanh
      }
    }

    var isGated: Bool { self == .swiglu || self == .geglu }
  }

  package enum Position: String, CaseIterable, Sendable { case learned, sinusoidal, rope, alibi, relative, none }

  package let preset: Preset
  package let width: Int
  package let heads: Int
  package let kvHeads: Int
  package let feedForward: FeedForward
  package let feedForwardWidth: Int
  package let normalization: Normalization
  package let normalizationPlace: NormalizationPlace
  package let hasBias: Bool
  package let position: Position
  package let context: Int?
  package let tiesHead: Bool
  package let dropout: Double
  /// Of the normal distribution that weights start from.
  package let deviation: Double

  /// Blocks as GPT-2's with learned positions.
  init(width: Int, heads: Int, dropout: Double) {
    preset = .gpt2
    self.width = width
    self.heads = heads
    kvHeads = heads
    feedForward = .geluTanh
    feedForwardWidth = 4 * width
    normalization = .layer
    normalizationPlace = .pre
    hasBias = true
    position = .learned
    context = nil
    tiesHead = false
    self.dropout = dropout
    deviation = 0.02
  }

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    preset = try reader.choice("preset", default: Preset.gpt, "the values of the other keys where they are absent")
    width = try reader.integer("width", in: 1...65_536, "features of a token's vector")
    heads = try reader.integer("heads", in: 1...1024, "attention heads; they share the width evenly")
    let kvHeads = try reader.optionalInteger(
      "kv_heads", in: 1...1024, "heads of keys and values, each for several query heads; as many as \"heads\" if absent"
    )
    self.kvHeads = kvHeads ?? heads
    let isLlama = preset == .llama
    feedForward = try reader.choice(
      "feed_forward", default: isLlama ? .swiglu : preset == .gpt ? .gelu : FeedForward.geluTanh,
      "the nonlinearity between the two products of a block")
    let feedForwardWidth = try reader.optionalInteger(
      "feed_forward_width", in: 1...1_000_000,
      "features between them; 4 times the width if absent, with a gate 8/3 times, rounded up to a multiple of 32")
    self.feedForwardWidth =
      feedForwardWidth ?? (feedForward.isGated ? ((8 * width + 2) / 3 + 31) / 32 * 32 : 4 * width)
    normalization = try reader.choice(
      "normalization", default: isLlama ? .rms : Normalization.layer, "normalization of a token's vector")
    normalizationPlace = try reader.choice(
      "normalization_place", default: NormalizationPlace.pre, "before each branch, or after its sum")
    hasBias = try reader.boolean("bias", default: preset == .gpt2, "whether products and layer norms add a bias")
    position = try reader.choice(
      "position", default: isLlama ? .rope : Position.learned, "how positions are encoded")
    context = try reader.optionalInteger(
      "context", in: 1...(1 << 24), "tokens of the longest sequence; those of the data if absent")
    tiesHead = try reader.boolean(
      "tied_head", default: !isLlama, "whether the head's weights are the embedding's")
    dropout = try reader.number(
      "dropout", default: 0, in: 0...0.999, "the rate after the embedding, on attention weights and after each branch"
    )
    deviation = try reader.number(
      "initializer_deviation", default: 0.02, in: 0...10, above: true,
      "of the weights' normal distribution; those that end a branch divide it by √(number of branches)")
  }
}
