import Configuration
import Kernels
import Layers

/// A plain convolutional network, written as in papers: LeNet (LeCun et al. 1998), VGG (Simonyan and Zisserman 2015).
///
///     image ── [ convolution ── norm ── activation | pool | dropout ]… ── flatten
///           ── [ dense ── activation | dropout ]… ── head
///
///     {"type": "convolution", "layers": [
///       {"type": "convolution", "filters": 64, "times": 2}, {"type": "max_pool"},
///       {"type": "convolution", "filters": 128, "times": 2}, {"type": "max_pool"},
///       {"type": "dense", "units": 256}, {"type": "dropout", "rate": 0.5}]}
///
/// Every convolution and every dense layer is followed by the activation, convolutions also by `normalization`. The
/// head, a linear layer with one output per class, is added. Parameters are called `convolutions.0.weight`,
/// `norms.0.weight`, `dense.0.weight`, `head.weight`; images are flattened in PyTorch's order, channels first.
package struct ConvolutionalNetwork: Architecture, Settings {
  package enum Normalization: String, CaseIterable, Sendable { case none, batch }
  package enum Padding: String, CaseIterable, Sendable {
    /// Zeros around the image that keep its size at stride 1.
    case same
    case none
  }

  /// An entry of the list.
  private enum Element: Sendable {
    case convolution(filters: Int, kernel: Int, stride: Int, padding: Padding, groups: Int, times: Int)
    case maxPool(size: Int, stride: Int)
    case averagePool(size: Int, stride: Int)
    case globalAveragePool
    case dropout(rate: Double)
    case dense(units: Int)
  }

  private let elements: [Element]
  private let activation: Activation
  private let normalization: Normalization
  private let initializer: Initializer

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    elements = try reader.components(
      "layers", from: Self.catalog, named: "convolutional_layer", "the layers, from the image to the head")
    activation = try reader.activation()
    normalization = try reader.choice(
      "normalization", default: Normalization.none, "between each convolution and its activation")
    initializer = try reader.initializer(default: "he_normal")
    if let dense = elements.firstIndex(where: { if case .dense = $0 { true } else { false } }),
      let late = elements[dense...].firstIndex(where: { Self.needsImage($0) })
    {
      try reader.require(
        false, "layers", "entry \(late) needs an image, but the dense layer in entry \(dense) has flattened it")
    }
  }

  private static func needsImage(_ element: Element) -> Bool {
    switch element {
    case .convolution, .maxPool, .averagePool, .globalAveragePool: true
    case .dropout, .dense: false
    }
  }

  private static let catalog = Catalog<Element>(
    "convolutional_layer",
    [
      CatalogEntry("convolution", "a convolution, its normalization and its activation") {
        (reader) throws(ConfigurationError) in
        .convolution(
          filters: try reader.integer("filters", in: 1...1_000_000, "channels out"),
          kernel: try reader.integer("kernel", default: 3, in: 1...255, "pixels the kernel is high and wide"),
          stride: try reader.integer("stride", default: 1, in: 1...255, "pixels between two places of the kernel"),
          padding: try reader.choice("padding", default: Padding.same, "zeros around the image"),
          groups: try reader.integer("groups", default: 1, in: 1...1_000_000, "parts that channels are split into"),
          times: try reader.integer("times", default: 1, in: 1...1_000, "how many such convolutions in a row"))
      },
      CatalogEntry("max_pool", "the largest of each window") { (reader) throws(ConfigurationError) in
        let (size, stride) = try window(from: reader)
        return .maxPool(size: size, stride: stride)
      },
      CatalogEntry("average_pool", "the mean of each window") { (reader) throws(ConfigurationError) in
        let (size, stride) = try window(from: reader)
        return .averagePool(size: size, stride: stride)
      },
      CatalogEntry("global_average_pool", "the mean of each channel") { (_) throws(ConfigurationError) in
        .globalAveragePool
      },
      CatalogEntry("dropout", "elements set to 0 at random in training") { (reader) throws(ConfigurationError) in
        .dropout(rate: try reader.number("rate", default: 0.5, in: 0...0.999, "the probability of being set to 0"))
      },
      CatalogEntry("dense", "a linear layer on the flattened image, and its activation") {
        (reader) throws(ConfigurationError) in
        .dense(units: try reader.integer("units", in: 1...1_000_000, "features out"))
      },
    ])

  private static func window(from reader: SettingsReader) throws(ConfigurationError) -> (size: Int, stride: Int) {
    let size = try reader.integer("size", default: 2, in: 1...255, "pixels the window is high and wide")
    let stride = try reader.optionalInteger("stride", in: 1...255, "pixels between two windows; size if absent")
    return (size, stride ?? size)
  }

  package func build(
    _ graph: inout GraphBuilder, inputs: BatchInputs, outputs: Int
  ) throws(GraphError) -> ModelGraph.Value {
    var x = try image(&graph, inputs.main.value, for: "convolution")
    var convolutionCount = 0
    var denseCount = 0
    for (index, element) in elements.enumerated() {
      switch element {
      case .convolution(let filters, let kernel, let stride, let padding, let groups, let times):
        for _ in 0..<times {
          var settings = Conv2D.LayerSettings(filters: filters, kernel: AxisPair(kernel))
          settings.stride = AxisPair(stride)
          settings.padding = padding == .same ? nil : AxisPair(0)
          settings.groups = groups
          settings.hasBias = normalization == .none
          settings.initializer = initializer
          x = try add(&graph, settings, number: convolutionCount, x)
          convolutionCount += 1
        }
      case .maxPool(let size, let stride):
        x = try graph.add("pools.\(index)", MaxPool2D.blueprint(.init(PoolingWindow(kernel: size, stride: stride))), x)
      case .averagePool(let size, let stride):
        x = try graph.add(
          "pools.\(index)", AveragePool2D.blueprint(.init(PoolingWindow(kernel: size, stride: stride))), x)
      case .globalAveragePool: x = try graph.add("pools.\(index)", GlobalAveragePool.blueprint(NoSettings()), x)
      case .dropout(let rate): x = try graph.add("dropouts.\(index)", Dropout.blueprint(.init(rate: rate)), x)
      case .dense(let units):
        x = try flattened(&graph, x)
        x = try graph.add("dense.\(denseCount)", Linear.blueprint(.init(units: units, initializer: initializer)), x)
        x = try graph.add("dense_activations.\(denseCount)", ActivationLayer.blueprint(.init(activation)), x)
        denseCount += 1
      }
    }
    x = try flattened(&graph, x)
    return try graph.add("head", Linear.blueprint(.init(units: outputs, initializer: .glorotNormal)), x)
  }

  private func add(
    _ graph: inout GraphBuilder, _ settings: Conv2D.LayerSettings, number: Int, _ x: ModelGraph.Value
  ) throws(GraphError) -> ModelGraph.Value {
    var x = try graph.add("convolutions.\(number)", Conv2D.blueprint(settings), x)
    if normalization == .batch { x = try graph.add("norms.\(number)", BatchNorm.blueprint(.init()), x) }
    return try graph.add("activations.\(number)", ActivationLayer.blueprint(.init(activation)), x)
  }
}
