import Configuration
import Kernels

extension Attention {
  /// How a configuration names `AttentionPosition`.
  package enum Position: String, CaseIterable, Sendable { case none, rope, alibi, relative }

  package struct LayerSettings: Settings {
    package var heads: Int
    /// As many as `heads` where it is nil.
    package var keyHeads: Int?
    package var isCausal = false
    package var mask = AttentionMask.none
    package var position = Position.none
    package var dropout = 0.0
    /// 1/√d where it is nil.
    package var scale: Double?
    /// Base of the rotary angles' wavelengths.
    package var theta: Double?
    package var buckets: Int?
    package var largestDistance: Int?
    /// Tokens of the KV cache where sequences are read piece by piece; set by the plan, not by a configuration.
    package var cacheCapacity: Int?

    package init(heads: Int) { self.heads = heads }

    package init(from reader: SettingsReader) throws(ConfigurationError) {
      heads = try reader.integer("heads", in: 1...65_536, "heads of queries")
      keyHeads = try reader.optionalInteger(
        "kv_heads", in: 1...65_536, "heads of keys and values, each for as many of queries; as many as heads if absent")
      isCausal = try reader.boolean("causal", default: false, "whether a token sees only itself and those before it")
      mask = try reader.choice(
        "mask", default: AttentionMask.none, "a further input that hides keys: lengths (B) or full (B, T, S)")
      position = try reader.choice(
        "position", default: Position.none, "how attention depends on the positions of tokens")
      dropout = try reader.number("dropout", default: 0, in: 0...0.999, "the probability that a weight is dropped")
      scale = try reader.optionalNumber(
        "scale", in: 0...1e6, above: true, "factor on products of queries and keys; 1/√d if absent")
      theta = try reader.optionalNumber(
        "theta", in: 1...1e12, above: true, "base of rope's wavelengths; 10000 if absent")
      buckets = try reader.optionalInteger(
        "buckets", in: 4...4096, "of distances, for relative positions; 32 if absent")
      largestDistance = try reader.optionalInteger(
        "max_distance", in: 2...1_000_000, "the last bucket begins here; 128 if absent")
    }

    /// The rules of `position` with its own settings.
    var kernelPosition: AttentionPosition {
      switch position {
      case .none: .none
      case .rope: .rotary(theta: theta ?? 10_000)
      case .alibi: .linearBias
      case .relative: .relative(buckets: buckets ?? 32, largestDistance: largestDistance ?? 128)
      }
    }
  }
}
