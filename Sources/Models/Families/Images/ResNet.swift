import Configuration
import Kernels
import Layers

/// Residual networks for images (He et al. 2015; with `preactivation` He et al. 2016), and plain ones of their depth.
///
///     image ── stem ── [ block ]·n₁ ── [ block ]·n₂ ── … ── global average pool ── dropout ── fc ── prediction
///
///     basic       x ── conv 3×3 ── bn ── relu ── conv 3×3 ── bn ── attention ── (+) ── relu
///                 └────────────────────── shortcut ────────────────────────────┘
///     bottleneck  x ── conv 1×1 ── bn ── relu ── conv 3×3 ── bn ── relu ── conv 1×1, 4 times as wide ── bn ── …
///     preactivation   x ── bn ── relu ── conv 3×3 ── bn ── relu ── conv 3×3 ── attention ── (+)
///
/// The first block of every stage but the first halves height and width. `depth` 6n+2 gives the three stages of 16, 32
/// and 64 channels of the paper's section 4.2, 18, 34 and 50 the four stages of its table 1. Parameters are called as
/// in torchvision: `conv1.weight`, `layer1.0.bn2.running_var`, `layer2.0.downsample.0.weight`, `fc.bias`.
package struct ResNet: Architecture, Settings {
  package enum Block: String, CaseIterable, Sendable {
    case basic, bottleneck

    /// Channels out over channels inside.
    var expansion: Int { self == .basic ? 1 : 4 }
  }

  package enum Stem: String, CaseIterable, Sendable {
    /// One 3×3 convolution that keeps the size.
    case cifar
    /// A 7×7 convolution and a 3×3 max pool, which quarter height and width.
    case imagenet
  }

  /// The shortcut of a block that changes the shape: options B and A of He et al. 2015.
  package enum Shortcut: String, CaseIterable, Sendable { case projection, padding }

  package enum Attention: String, CaseIterable, Sendable { case none, se, cbam }

  private let stages: ResNetStages
  private let stem: Stem
  private let isResidual: Bool
  private let shortcut: Shortcut
  private let isPreactivated: Bool
  private let attention: Attention
  private let attentionReduction: Int
  private let stochasticDepth: Double
  private let dropout: Double
  private let initializer: Initializer

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    stages = try ResNetStages(from: reader)
    let stem: Stem? = try reader.optionalChoice(
      "stem", "the first layers; imagenet for the depths of the ImageNet kind if absent, else cifar")
    self.stem = stem ?? (stages.isImagenetDepth ? .imagenet : .cifar)
    isResidual = try reader.boolean("residual", default: true, "false gives the plain network of the same depth")
    let shortcut: Shortcut? = try reader.optionalChoice(
      "shortcut",
      "where a block changes the shape: a 1×1 convolution, or zeros for the new channels; projection if absent")
    self.shortcut = shortcut ?? .projection
    isPreactivated = try reader.boolean(
      "preactivation", default: false, "normalization and ReLU before each convolution instead of after it")
    attention = try reader.choice("attention", default: Attention.none, "channel attention at the end of each block")
    let reduction = try reader.optionalInteger(
      "attention_reduction", in: 1...1024, "how many times narrower the attention's hidden layer is; 16 if absent")
    attentionReduction = reduction ?? 16
    let rate = try reader.optionalNumber(
      "stochastic_depth", in: 0...0.999,
      "the rate of leaving out the last block's branch in training, falling linearly to 0 at the first; 0 if absent"
    )
    stochasticDepth = rate ?? 0
    dropout = try reader.number("dropout", default: 0, in: 0...0.999, "the rate before the last layer")
    initializer = try reader.initializer(default: "he_normal")
    try reader.require(
      isResidual || shortcut == nil, "shortcut", "never used, because \"residual\" is false")
    try reader.require(
      isResidual || rate == nil, "stochastic_depth", "never used, because \"residual\" is false")
    try reader.require(
      attention != .none || reduction == nil, "attention_reduction", "never used, because \"attention\" is \"none\"")
  }

  package func build(
    _ graph: inout GraphBuilder, inputs: BatchInputs, outputs: Int
  ) throws(GraphError) -> ModelGraph.Value {
    var x = try image(&graph, inputs.main.value, for: "resnet")
    x = try addStem(&graph, x)
    let blockCount = stages.blocks.reduce(0, +)
    var number = 0
    for (stage, (count, width)) in zip(stages.blocks, stages.widths).enumerated() {
      for block in 0..<count {
        let dropRate = blockCount > 1 ? stochasticDepth * Double(number) / Double(blockCount - 1) : stochasticDepth
        let place = Place(
          name: "layer\(stage + 1).\(block)", width: width, stride: stage > 0 && block == 0 ? 2 : 1, dropRate: dropRate)
        x = isPreactivated ? try addPreactivated(&graph, place, x) : try addBlock(&graph, place, x)
        number += 1
      }
    }
    if isPreactivated { x = try normalized(&graph, "bn", x, activates: true) }
    x = try graph.add("avgpool", GlobalAveragePool.blueprint(NoSettings()), x)
    if dropout > 0 { x = try graph.add("dropout", Dropout.blueprint(.init(rate: dropout)), x) }
    return try graph.add("fc", Linear.blueprint(.init(units: outputs, initializer: .glorotNormal)), x)
  }

  // MARK: Blocks

  /// The place of a block and its own settings.
  private struct Place {
    let name: String
    let width: Int
    let stride: Int
    let dropRate: Double
  }

  private func addStem(_ graph: inout GraphBuilder, _ input: ModelGraph.Value) throws(GraphError) -> ModelGraph.Value {
    let (kernel, stride) = stem == .cifar ? (3, 1) : (7, 2)
    var x = try convolution(&graph, "conv1", input, filters: stages.widths[0], kernel: kernel, stride: stride)
    if !isPreactivated { x = try normalized(&graph, "bn1", x, activates: true) }
    if stem == .imagenet {
      let window = PoolingWindow(kernel: 3, stride: 2, padding: 1)
      x = try graph.add("maxpool", MaxPool2D.blueprint(.init(window)), x)
    }
    return x
  }

  private func addBlock(
    _ graph: inout GraphBuilder, _ place: Place, _ x: ModelGraph.Value
  ) throws(GraphError) -> ModelGraph.Value {
    let convolutions = convolutions(place)
    var y = x
    for (index, layer) in convolutions.enumerated() {
      y = try convolution(
        &graph, "\(place.name).conv\(index + 1)", y, filters: layer.filters, kernel: layer.kernel, stride: layer.stride)
      y = try normalized(&graph, "\(place.name).bn\(index + 1)", y, activates: index < convolutions.count - 1)
    }
    y = try addAttention(&graph, place, y)
    if isResidual { y = try joined(&graph, place, branch: y, shortcut: x) }
    return try activated(&graph, "\(place.name).relu", y)
  }

  private func addPreactivated(
    _ graph: inout GraphBuilder, _ place: Place, _ x: ModelGraph.Value
  ) throws(GraphError) -> ModelGraph.Value {
    var y = x
    // A projection sees what the first convolution sees; an identity the input itself (He et al. 2016, figure 4 e).
    var activatedInput = x
    for (index, layer) in convolutions(place).enumerated() {
      y = try normalized(&graph, "\(place.name).bn\(index + 1)", y, activates: true)
      if index == 0 { activatedInput = y }
      y = try convolution(
        &graph, "\(place.name).conv\(index + 1)", y, filters: layer.filters, kernel: layer.kernel, stride: layer.stride)
    }
    y = try addAttention(&graph, place, y)
    guard isResidual else { return y }
    let changesShape = graph.shape(of: x) != graph.shape(of: y)
    return try joined(&graph, place, branch: y, shortcut: changesShape ? activatedInput : x)
  }

  private func convolutions(_ place: Place) -> [(filters: Int, kernel: Int, stride: Int)] {
    switch stages.block {
    case .basic: [(place.width, 3, place.stride), (place.width, 3, 1)]
    case .bottleneck:
      [(place.width, 1, 1), (place.width, 3, place.stride), (place.width * stages.block.expansion, 1, 1)]
    }
  }

  private func addAttention(
    _ graph: inout GraphBuilder, _ place: Place, _ x: ModelGraph.Value
  ) throws(GraphError) -> ModelGraph.Value {
    switch attention {
    case .none: x
    case .se: try squeezeExcitation(&graph, "\(place.name).se", x, reduction: attentionReduction)
    case .cbam: try cbam(&graph, "\(place.name).cbam", x, reduction: attentionReduction)
    }
  }

  /// branch + shortcut, in one shape.
  private func joined(
    _ graph: inout GraphBuilder, _ place: Place, branch: ModelGraph.Value, shortcut x: ModelGraph.Value
  ) throws(GraphError) -> ModelGraph.Value {
    var (branch, x) = (branch, x)
    if place.dropRate > 0 {
      branch = try graph.add(
        "\(place.name).stochastic_depth", StochasticDepth.blueprint(.init(rate: place.dropRate)), branch)
    }
    if graph.shape(of: x) != graph.shape(of: branch) {
      let channels = graph.shape(of: branch).last
      switch shortcut {
      case .padding:
        x = try graph.add(
          "\(place.name).downsample", PaddedShortcut.blueprint(.init(channels: channels, stride: place.stride)), x)
      case .projection:
        x = try convolution(
          &graph, "\(place.name).downsample.0", x, filters: channels, kernel: 1, stride: place.stride)
        if !isPreactivated { x = try normalized(&graph, "\(place.name).downsample.1", x, activates: false) }
      }
    }
    return try graph.add("\(place.name).add", ResidualAdd.blueprint(NoSettings()), x, branch)
  }

  // MARK: Layers

  private func convolution(
    _ graph: inout GraphBuilder, _ name: String, _ x: ModelGraph.Value, filters: Int, kernel: Int, stride: Int
  ) throws(GraphError) -> ModelGraph.Value {
    var settings = Conv2D.LayerSettings(filters: filters, kernel: AxisPair(kernel))
    settings.stride = AxisPair(stride)
    settings.padding = AxisPair(kernel / 2)
    // Batch norm's shift stands in for a bias.
    settings.hasBias = false
    settings.initializer = initializer
    return try graph.add(name, Conv2D.blueprint(settings), x)
  }

  private func normalized(
    _ graph: inout GraphBuilder, _ name: String, _ x: ModelGraph.Value, activates: Bool
  ) throws(GraphError) -> ModelGraph.Value {
    let y = try graph.add(name, BatchNorm.blueprint(.init()), x)
    return activates ? try activated(&graph, "\(name).relu", y) : y
  }

  private func activated(
    _ graph: inout GraphBuilder, _ name: String, _ x: ModelGraph.Value
  ) throws(GraphError) -> ModelGraph.Value {
    try graph.add(name, ActivationLayer.blueprint(.init(.relu)), x)
  }
}
