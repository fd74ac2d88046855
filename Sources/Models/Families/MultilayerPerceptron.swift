import Configuration
import Kernels
import Layers
import Tensors

/// A multilayer perceptron.
///
///     x ── flatten ── [ linear ── norm ── activation ── dropout ]·depth ── linear ── prediction
///                     └──────────── + (residual) ─────────┘
///
/// Normalization comes before the activation as in Ioffe and Szegedy 2015, or after it. A residual adds the input of a
/// hidden layer to its output wherever both have the same width (He et al. 2015). Parameters are called as in PyTorch:
/// `hidden.0.weight`, `hidden_norms.0.weight`, `head.weight`.
package struct MultilayerPerceptron: Architecture, Settings {
  package enum Normalization: String, CaseIterable, Sendable { case none, batch, layer, rms }
  package enum NormalizationPlace: String, CaseIterable, Sendable {
    case beforeActivation = "before_activation"
    case afterActivation = "after_activation"
  }

  /// Units of each hidden layer.
  package let widths: [Int]
  package let activation: Activation
  package let initializer: Initializer
  package let headInitializer: Initializer
  package let normalization: Normalization
  package let normalizationPlace: NormalizationPlace
  package let isResidual: Bool
  package let dropout: Double

  private static let largestDepth = 2_000

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    let depth = try reader.optionalInteger("depth", in: 0...Self.largestDepth, "hidden layers")
    let width = try reader.optionalInteger("width", in: 1...1_000_000, "units of every hidden layer")
    let listed = try reader.optionalIntegers(
      "widths", in: 1...1_000_000, "units of each hidden layer, in place of depth and width")
    activation = try reader.activation()
    initializer = try reader.initializer(default: "he_normal")
    headInitializer =
      try reader.component(
        "head_initializer", from: initializerCatalog, default: .string("glorot_normal"), "how the head's weights start")
      ?? .glorotNormal
    normalization = try reader.choice(
      "normalization", default: Normalization.none, "normalization in every hidden layer")
    let place: NormalizationPlace? = try reader.optionalChoice(
      "normalization_place", "where in a hidden layer it normalizes; before_activation if absent")
    normalizationPlace = place ?? .beforeActivation
    isResidual = try reader.boolean(
      "residual", default: false, "whether a hidden layer adds its input where the widths agree")
    dropout = try reader.number("dropout", default: 0, in: 0...0.999, "the rate after every activation")
    try reader.require(
      listed == nil || (depth == nil && width == nil), "widths",
      "\"widths\" already says how many hidden layers there are and how wide: remove \"depth\" and \"width\"")
    try reader.require(
      listed != nil || (depth != nil && (width != nil || depth == 0)), nil,
      "expected \"depth\" and \"width\", or \"widths\", such as \"depth\": 3, \"width\": 256")
    try reader.require(
      normalization != .none || place == nil, "normalization_place",
      "never used, because \"normalization\" is \"none\"")
    widths = listed ?? [Int](repeating: width ?? 1, count: depth ?? 0)
  }

  package func build(
    _ graph: inout GraphBuilder, inputs: BatchInputs, outputs: Int
  ) throws(GraphError) -> ModelGraph.Value {
    var x = try flattened(&graph, inputs.main.value)
    for (index, width) in widths.enumerated() {
      let shortcut = x
      x = try graph.add("hidden.\(index)", linear(width, initializer), x)
      if normalizationPlace == .beforeActivation { x = try normalize(&graph, index, x) }
      x = try graph.add("activations.\(index)", ActivationLayer.blueprint(.init(activation)), x)
      if normalizationPlace == .afterActivation { x = try normalize(&graph, index, x) }
      if dropout > 0 { x = try graph.add("dropouts.\(index)", Dropout.blueprint(.init(rate: dropout)), x) }
      if isResidual, graph.shape(of: shortcut) == graph.shape(of: x) {
        x = try graph.add("residuals.\(index)", ResidualAdd.blueprint(NoSettings()), shortcut, x)
      }
    }
    return try graph.add("head", linear(outputs, headInitializer), x)
  }

  private func linear(_ units: Int, _ initializer: Initializer) -> LayerBlueprint {
    Linear.blueprint(.init(units: units, initializer: initializer))
  }

  private func normalize(
    _ graph: inout GraphBuilder, _ index: Int, _ x: ModelGraph.Value
  ) throws(GraphError) -> ModelGraph.Value {
    let name = "hidden_norms.\(index)"
    return switch normalization {
    case .none: x
    case .batch: try graph.add(name, BatchNorm.blueprint(.init()), x)
    case .layer: try graph.add(name, LayerNorm.blueprint(.init()), x)
    case .rms: try graph.add(name, RMSNorm.blueprint(.init()), x)
    }
  }
}
