import Configuration
import Kernels
import Layers

/// Adds the parts of a U-Net to a graph.
///
///     residual   x ── norm1 ── SiLU ── conv1 ── (+ condition) ── norm2 ── SiLU ── dropout ── conv2 ── (+)
///                └──────────────────────── skip, 1×1, where the channels change ──────────────────────┘
///     attention  x ── norm ── qkv ── attention over pixels ── proj ── (+ x)
///                  ── norm ── q ── attention to the caption ── proj ── (+)
struct UNetBlocks {
  typealias Value = ModelGraph.Value

  let settings: UNet
  /// (B, width), after its SiLU: each block computes from it a number for each of its channels.
  let condition: Value
  /// (B, L, D).
  let text: Value?

  // MARK: Blocks

  func residual(
    _ graph: inout GraphBuilder, _ name: String, _ x: Value, width: Int
  ) throws(GraphError) -> Value {
    var y = try normalized(&graph, "\(name).norm1", x, activates: true)
    y = try convolution(&graph, "\(name).conv1", y, filters: width)
    let shift = try linear(&graph, "\(name).condition", condition, width)
    y = try graph.add("\(name).shift", ChannelShift.blueprint(NoSettings()), y, shift)
    y = try normalized(&graph, "\(name).norm2", y, activates: true)
    if settings.dropout > 0 {
      y = try graph.add("\(name).dropout", Dropout.blueprint(.init(rate: settings.dropout)), y)
    }
    y = try convolution(&graph, "\(name).conv2", y, filters: width, endsBranch: true)
    let changes = graph.shape(of: x).last != width
    let shortcut = changes ? try convolution(&graph, "\(name).skip", x, filters: width, kernel: 1) : x
    return try graph.add("\(name).add", ResidualAdd.blueprint(NoSettings()), shortcut, y)
  }

  /// x + attention of each pixel to all pixels, + attention to the caption.
  func attend(_ graph: inout GraphBuilder, _ name: String, _ x: Value) throws(GraphError) -> Value {
    let shape = graph.shape(of: x)
    var tokens = try graph.add("\(name).tokens", ImageTokens.blueprint(NoSettings()), x)
    tokens = try branch(&graph, "\(name).attention", tokens) { (graph, name, y) throws(GraphError) in
      [try linear(&graph, "\(name).qkv", y, 3 * shape.last)]
    }
    if let text {
      tokens = try branch(&graph, "\(name).cross_attention", tokens) { (graph, name, y) throws(GraphError) in
        [try linear(&graph, "\(name).q", y, shape.last), try linear(&graph, "\(name).kv", text, 2 * shape.last)]
      }
    }
    return try graph.add("\(name).image", TokenImage.blueprint(.init(height: shape[1])), tokens)
  }

  /// tokens + proj(attention(projected(norm(tokens)))).
  private func branch(
    _ graph: inout GraphBuilder, _ name: String, _ tokens: Value,
    _ projected: (inout GraphBuilder, String, Value) throws(GraphError) -> [Value]
  ) throws(GraphError) -> Value {
    let y = try normalized(&graph, "\(name).norm", tokens, activates: false)
    let attended = try graph.add(
      name, Attention.blueprint(.init(heads: settings.heads)), try projected(&graph, name, y))
    let width = graph.shape(of: tokens).last
    let branch = try linear(&graph, "\(name).proj", attended, width, endsBranch: true)
    return try graph.add("\(name).add", ResidualAdd.blueprint(NoSettings()), tokens, branch)
  }

  // MARK: From level to level

  func halved(_ graph: inout GraphBuilder, _ name: String, _ x: Value) throws(GraphError) -> Value {
    switch settings.downsampling {
    case .convolution: try convolution(&graph, name, x, filters: graph.shape(of: x).last, stride: 2)
    case .averagePool: try graph.add(name, AveragePool2D.blueprint(.init(PoolingWindow(kernel: 2))), x)
    }
  }

  func doubled(_ graph: inout GraphBuilder, _ name: String, _ x: Value) throws(GraphError) -> Value {
    let channels = graph.shape(of: x).last
    let mode: UpsamplingKernel.Mode
    switch settings.upsampling {
    case .nearest: mode = .nearest
    case .bilinear: mode = .bilinear
    case .transposed:
      var transposed = ConvTranspose2D.LayerSettings(filters: channels, kernel: AxisPair(4))
      transposed.stride = AxisPair(2)
      transposed.padding = AxisPair(1)
      transposed.initializer = settings.initializer
      return try graph.add(name, ConvTranspose2D.blueprint(transposed), x)
    }
    let large = try graph.add("\(name).pixels", Upsample2D.blueprint(.init(mode)), x)
    return try convolution(&graph, name, large, filters: channels)
  }

  // MARK: Layers

  func convolution(
    _ graph: inout GraphBuilder, _ name: String, _ x: Value, filters: Int, kernel: Int = 3, stride: Int = 1,
    endsBranch: Bool = false
  ) throws(GraphError) -> Value {
    var convolution = Conv2D.LayerSettings(filters: filters, kernel: AxisPair(kernel))
    convolution.stride = AxisPair(stride)
    convolution.padding = AxisPair(kernel / 2)
    convolution.initializer = initializer(endsBranch)
    return try graph.add(name, Conv2D.blueprint(convolution), x)
  }

  func normalized(
    _ graph: inout GraphBuilder, _ name: String, _ x: Value, activates: Bool
  ) throws(GraphError) -> Value {
    let y = try graph.add(name, GroupNorm.blueprint(.init(groups: settings.groups)), x)
    return activates ? try graph.add("\(name).silu", ActivationLayer.blueprint(.init(.silu)), y) : y
  }

  private func linear(
    _ graph: inout GraphBuilder, _ name: String, _ x: Value, _ units: Int, endsBranch: Bool = false
  ) throws(GraphError) -> Value {
    try graph.add(name, Linear.blueprint(.init(units: units, initializer: initializer(endsBranch))), x)
  }

  private func initializer(_ endsBranch: Bool) -> Initializer {
    endsBranch && settings.startsAtZero ? .zeros : settings.initializer
  }
}
