import Configuration
import Kernels
import Layers
import Tensors

/// The diffusion Transformer of Peebles and Xie 2023 with adaptive layer norms that start at zero ("adaLN-Zero").
///
///     input ── patches ── positions ── [ blocks.i ]·depth ── final.norm ── final.linear ── final.unpatchify
///
///     x ── attention_norm ── attention ──(gate, +)── cross_attention ──(+)
///       ── feed_forward_norm ── feed_forward ──(gate, +)
///
/// Time and class reach the blocks as shift, factor and gate of each branch: `blocks.i.modulation`, one product of SiLU
/// of the condition's vector, starts at 0, so that every block starts as the identity. Between the two branches comes
/// attention to the caption, as in Chen et al. 2024 (PixArt-α), without norm or gate; its last product starts at 0.
package struct DiffusionTransformer: Architecture, Settings {
  private static let family = "dit"
  /// Sines and cosines of the time, as in the paper's published code.
  private static let timeWaves = 256
  /// Standard deviation of the condition's first weights, as there.
  private static let conditionDeviation = 0.02
  /// Shift, factor and gate of attention, then of the feed-forward network.
  private static let partsOfBlock = 6

  private let patch: Int
  private let width: Int
  private let depth: Int
  private let heads: Int
  private let hidden: Int
  private let dropout: Double
  private let text: TextEncoderSettings

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    patch = try reader.integer(
      "patch_size", default: 2, in: 1...1024, "pixels along a side of a patch; it divides the image's height and width")
    width = try reader.integer("width", default: 384, in: 4...65_536, "features of a patch's vector, a multiple of 4")
    depth = try reader.integer(
      "depth", default: 12, in: 1...1000, "blocks, each of attention and a feed-forward network")
    heads = try reader.integer("heads", default: 6, in: 1...1024, "attention heads; they share the width evenly")
    let ratio = try reader.number(
      "mlp_ratio", default: 4, in: 0.01...64, "features inside a feed-forward network, as a multiple of the width")
    hidden = max(1, Int((ratio * Double(width)).rounded()))
    dropout = try reader.number(
      "dropout", default: 0, in: 0...0.999, "the rate on attention weights and at the end of each branch")
    text = try reader.textEncoder()
    try reader.require(
      width % heads == 0, "heads", "\(heads) heads do not divide a width of \(width); use a divisor of it")
    try reader.require(
      width % 4 == 0, "width", "\(width) is not a multiple of 4; columns and rows have a sine and a cosine each")
  }

  package func build(
    _ graph: inout GraphBuilder, inputs: BatchInputs, outputs: Int
  ) throws(GraphError) -> ModelGraph.Value {
    let input = try image(&graph, inputs.main.value, for: Self.family)
    let shape = graph.shape(of: input)
    let (rows, columns) = (shape[1], shape[2])
    guard rows % patch == 0, columns % patch == 0 else {
      throw GraphError(
        node: "patches",
        message:
          "patch_size \(patch) does not divide images of \(rows) × \(columns) pixels; use a divisor of both sides")
    }
    let condition = try graph.addConditioning(
      inputs, family: Self.family, base: Self.timeWaves, width: width, text: text,
      initializer: .normal(deviation: Self.conditionDeviation))
    let vector = try graph.add("condition", ActivationLayer.blueprint(.init(.silu)), condition.vector)
    var x = try graph.add(
      "patches", PatchEmbedding.blueprint(.init(patch: patch, width: width, initializer: .glorotUniform)), input)
    x = try graph.add("positions", PositionEmbedding.blueprint(.init(columns: columns / patch)), x)
    for block in 0..<depth {
      let name = "blocks.\(block)"
      let modulation = try graph.add(
        "\(name).modulation", linear(Self.partsOfBlock * width, initializer: .zeros), vector)
      x = try branch(&graph, "\(name).attention", x, modulation, firstPart: 0, attend)
      if let caption = condition.text { x = try attend(&graph, "\(name).cross_attention", x, to: caption) }
      x = try branch(&graph, "\(name).feed_forward", x, modulation, firstPart: 3, feedForward)
    }
    let modulation = try graph.add("final.modulation", linear(2 * width, initializer: .zeros), vector)
    x = try graph.add("final.norm", ModulatedNorm.blueprint(.init(shift: 0, scale: 1)), x, modulation)
    x = try graph.add("final.linear", linear(patch * patch * outputs, initializer: .zeros), x)
    return try graph.add(
      "final.unpatchify", Unpatchify.blueprint(.init(patch: patch, height: rows, width: columns)), x)
  }

  // MARK: Branches

  /// x + gate·f(norm of x), with shift, factor and gate from three parts of the modulation.
  private func branch(
    _ graph: inout GraphBuilder, _ name: String, _ x: ModelGraph.Value, _ modulation: ModelGraph.Value,
    firstPart: Int,
    _ f: (inout GraphBuilder, String, ModelGraph.Value) throws(GraphError) -> ModelGraph.Value
  ) throws(GraphError) -> ModelGraph.Value {
    var y = try graph.add(
      "\(name)_norm", ModulatedNorm.blueprint(.init(shift: firstPart, scale: firstPart + 1)), x, modulation)
    y = try dropped(&graph, name, try f(&graph, name, y))
    return try graph.add("\(name).add", GatedAdd.blueprint(.init(gate: firstPart + 2)), x, y, modulation)
  }

  private func attend(
    _ graph: inout GraphBuilder, _ name: String, _ x: ModelGraph.Value
  ) throws(GraphError) -> ModelGraph.Value {
    let qkv = try graph.add("\(name).qkv", linear(3 * width), x)
    let y = try graph.add(name, attention, qkv)
    return try graph.add("\(name).proj", linear(width), y)
  }

  /// x + attention of each patch to a caption.
  private func attend(
    _ graph: inout GraphBuilder, _ name: String, _ x: ModelGraph.Value, to caption: ModelGraph.Value
  ) throws(GraphError) -> ModelGraph.Value {
    let q = try graph.add("\(name).q", linear(width), x)
    let kv = try graph.add("\(name).kv", linear(2 * width), caption)
    var y = try graph.add(name, attention, q, kv)
    y = try dropped(&graph, name, try graph.add("\(name).proj", linear(width, initializer: .zeros), y))
    return try graph.add("\(name).add", ResidualAdd.blueprint(NoSettings()), x, y)
  }

  private func feedForward(
    _ graph: inout GraphBuilder, _ name: String, _ x: ModelGraph.Value
  ) throws(GraphError) -> ModelGraph.Value {
    var y = try graph.add("\(name).up", linear(hidden), x)
    y = try graph.add("\(name).activation", ActivationLayer.blueprint(.init(.geluTanh)), y)
    return try graph.add("\(name).down", linear(width), y)
  }

  // MARK: Layers

  private var attention: LayerBlueprint {
    var settings = Attention.LayerSettings(heads: heads)
    settings.dropout = dropout
    return Attention.blueprint(settings)
  }

  private func linear(_ units: Int, initializer: Initializer = .glorotUniform) -> LayerBlueprint {
    Linear.blueprint(.init(units: units, initializer: initializer))
  }

  private func dropped(
    _ graph: inout GraphBuilder, _ name: String, _ x: ModelGraph.Value
  ) throws(GraphError) -> ModelGraph.Value {
    dropout > 0 ? try graph.add("\(name).dropout", Dropout.blueprint(.init(rate: dropout)), x) : x
  }
}
