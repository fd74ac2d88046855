import Configuration
import Layers

/// The U-Net that denoises images: Ronneberger et al. 2015, with the blocks of Ho et al. 2020.
///
///     x ── stem ── down.0 ───────────────────────────────────────────────▶ up.0 ── norm ── SiLU ── out ── prediction
///                    └─ downsample ── down.1 ──────────────▶ up.1 ── upsample ─┘
///                                       └─ … ── middle ── … ──┘
///
/// Level l works on images halved l times, with `channels` · `multipliers`[l] channels. On the way down, a level has
/// `blocks` residual blocks. Every output, those of stem and downsampling too, is concatenated (─▶) with the input of
/// one of the `blocks` + 1 blocks of its level on the way up. Where a level's height is one of `attention`, and always
/// in the middle, attention over all pixels follows each block, and attention to the caption if there is one.
package struct UNet: Architecture, Settings {
  package enum Downsampling: String, CaseIterable, Sendable {
    /// A 3×3 convolution with stride 2.
    case convolution
    /// The means of 2×2 pixels.
    case averagePool = "average_pool"
  }

  package enum Upsampling: String, CaseIterable, Sendable {
    /// Each pixel repeated four times, then a 3×3 convolution.
    case nearest
    /// Bilinear interpolation, then a 3×3 convolution.
    case bilinear
    /// A transposed 4×4 convolution with stride 2.
    case transposed
  }

  /// Channels of each level.
  let widths: [Int]
  let channels: Int
  let blocks: Int
  /// Heights of images with attention, in pixels; nil for the paper's 16, where a level has it.
  let attention: [Int]?
  let heads: Int
  let groups: Int
  let dropout: Double
  let downsampling: Downsampling
  let upsampling: Upsampling
  let textEncoder: TextEncoderSettings
  let startsAtZero: Bool
  let initializer: Initializer

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    channels = try reader.integer("channels", default: 64, in: 2...65_536, "channels of the first level")
    let multipliers =
      try reader.optionalIntegers(
        "multipliers", in: 1...1024, "channels of each level over those of the first; [1, 2, 2, 2] if absent")
      ?? [1, 2, 2, 2]
    blocks = try reader.integer("blocks", default: 2, in: 1...1000, "residual blocks of a level on the way down")
    attention = try reader.optionalIntegers(
      "attention", in: 1...65_536, minimumCount: 0,
      "heights in pixels at which blocks are followed by attention; [16] if absent, where a level has it")
    heads = try reader.integer("heads", default: 1, in: 1...1024, "attention heads; they share the channels evenly")
    groups = try reader.integer("groups", default: 32, in: 1...65_536, "of group norm; they share the channels evenly")
    dropout = try reader.number(
      "dropout", default: 0, in: 0...0.999, "the rate before each block's second convolution")
    downsampling = try reader.choice(
      "downsample", default: Downsampling.convolution, "how images are halved from level to level")
    upsampling = try reader.choice(
      "upsample", default: Upsampling.nearest, "how they are doubled again; the first two before a convolution")
    textEncoder = try reader.textEncoder()
    startsAtZero = try reader.boolean(
      "zero_init", default: true,
      "whether the last layer and those that end a branch start at 0, as in the paper: blocks start as identities"
    )
    initializer = try reader.initializer(default: "glorot_uniform")
    widths = multipliers.map { [channels] in channels * $0 }
    try reader.require(
      multipliers.count <= Self.mostLevels, "multipliers", "\(multipliers.count) levels; at most \(Self.mostLevels)")
    for (name, parts) in [("groups", groups), ("heads", heads)] {
      let uneven = widths.first { $0 % parts != 0 }
      try reader.require(
        uneven == nil, name,
        "\(parts) \(name) do not divide the \(uneven ?? 0) channels of a level (channels · multiplier); use a divisor")
    }
  }

  private static let mostLevels = 16

  package func build(
    _ graph: inout GraphBuilder, inputs: BatchInputs, outputs: Int
  ) throws(GraphError) -> ModelGraph.Value {
    let image = try image(&graph, inputs.main.value, for: "unet")
    let attended = try attendedLevels(ofImages: graph.shape(of: image).dimensions)
    let conditioning = try graph.addConditioning(
      inputs, family: "unet", base: channels, width: 4 * channels, text: textEncoder, initializer: initializer)
    let condition = try graph.add("condition", ActivationLayer.blueprint(.init(.silu)), conditioning.vector)
    let parts = UNetBlocks(settings: self, condition: condition, text: conditioning.text)

    var x = try parts.convolution(&graph, "stem", image, filters: channels)
    var kept = [x]
    for (level, width) in widths.enumerated() {
      for block in 0..<blocks {
        x = try parts.residual(&graph, "down.\(level).\(block)", x, width: width)
        if attended[level] { x = try parts.attend(&graph, "down.\(level).\(block)", x) }
        kept.append(x)
      }
      if level < widths.count - 1 {
        x = try parts.halved(&graph, "down.\(level).downsample", x)
        kept.append(x)
      }
    }
    let bottom = graph.shape(of: x).last
    x = try parts.residual(&graph, "middle.0", x, width: bottom)
    x = try parts.attend(&graph, "middle.0", x)
    x = try parts.residual(&graph, "middle.1", x, width: bottom)
    for (level, width) in widths.enumerated().reversed() {
      for block in 0...blocks {
        let name = "up.\(level).\(block)"
        x = try graph.add("\(name).concatenate", Concatenate.blueprint(NoSettings()), x, kept.removeLast())
        x = try parts.residual(&graph, name, x, width: width)
        if attended[level] { x = try parts.attend(&graph, name, x) }
      }
      if level > 0 { x = try parts.doubled(&graph, "up.\(level).upsample", x) }
    }
    x = try parts.normalized(&graph, "norm", x, activates: true)
    return try parts.convolution(&graph, "out", x, filters: outputs, endsBranch: true)
  }

  /// Whether each level has attention.
  ///
  /// - Parameter shape: (B, H, W, C).
  private func attendedLevels(ofImages shape: [Int]) throws(GraphError) -> [Bool] {
    let halvings = widths.count - 1
    let unit = 1 << halvings
    guard shape[1] % unit == 0, shape[2] % unit == 0 else {
      throw GraphError(
        node: "input",
        message:
          "unet halves images \(halvings) times, so their sides must be multiples of \(unit), but a sample of the "
          + "data is \(Array(shape.dropFirst())); resize them, or use fewer multipliers")
    }
    let heights = widths.indices.map { shape[1] >> $0 }
    if let missing = attention?.first(where: { !heights.contains($0) }) {
      let found = heights.map(String.init).joined(separator: ", ")
      throw GraphError(
        node: "attention", message: "no level has images \(missing) pixels high; the levels have \(found)")
    }
    return heights.map { (attention ?? [Self.usualAttention]).contains($0) }
  }

  private static let usualAttention = 16
}
