import Configuration
import Layers
import Tensors

/// Any stack of layers, written in JSON; a new feed-forward model needs no Swift.
///
///     {"type": "layers", "layers": [
///       {"type": "flatten"},
///       {"type": "linear", "units": 128},
///       {"type": "repeat", "times": 3, "layers": [
///         {"type": "residual", "layers": [
///           {"type": "linear", "units": 128}, {"type": "activation", "function": "relu"}]}]},
///       {"type": "linear", "units": 10}]}
///
/// Parameters are called by their place, `layers.1.weight`, `layers.2.0.0.0.weight` (second entry, first repetition,
/// first block, first layer), as nested `nn.Sequential`s in PyTorch are.
package struct LayerStack: Architecture, Settings {
  /// Adds several layers under a name, from one value to one.
  package typealias Block =
    @Sendable (inout GraphBuilder, String, ModelGraph.Value) throws(GraphError) -> ModelGraph.Value

  /// An entry of the list.
  package indirect enum Element: Sendable {
    case layer(LayerBlueprint)
    case block(Block)
    case repetition(times: Int, [Element])
    case residual([Element])
  }

  package let elements: [Element]

  /// More nodes than this are a mistake, not a network.
  private static let largestNodeCount = 100_000

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    elements = try Self.elements(from: reader)
    try reader.require(
      Self.count(elements) <= Self.largestNodeCount, "layers",
      "more than \(Self.largestNodeCount) layers once every \"repeat\" is written out")
  }

  private static func elements(from reader: SettingsReader) throws(ConfigurationError) -> [Element] {
    try reader.components(
      "layers", from: catalog, named: "stacked_layer", "the layers, from the input to the prediction")
  }

  /// Every layer, blocks of layers, and the two elements that hold layers.
  private static let catalog = Catalog<Element>(
    "stacked_layer",
    layerCatalog.entries.map { entry in
      CatalogEntry(entry.kind, entry.documentation) { (reader) throws(ConfigurationError) in
        .layer(try entry.make(reader))
      }
    } + [
      CatalogEntry("repeat", "the same layers several times, each time with parameters of their own") {
        (reader) throws(ConfigurationError) in
        let times = try reader.integer("times", in: 1...10_000, "how many times")
        return .repetition(times: times, try elements(from: reader))
      },
      CatalogEntry("residual", "layers around which the input is added to their output") {
        (reader) throws(ConfigurationError) in .residual(try elements(from: reader))
      },
      CatalogEntry("squeeze_excitation", "channels scaled by what a perceptron makes of their means") {
        (reader) throws(ConfigurationError) in
        let reduction = try reduction(from: reader)
        return .block { (graph, name, x) throws(GraphError) in
          try squeezeExcitation(&graph, name, x, reduction: reduction)
        }
      },
      CatalogEntry("cbam", "channels, then pixels, scaled by what their means and maxima say") {
        (reader) throws(ConfigurationError) in
        let reduction = try reduction(from: reader)
        return .block { (graph, name, x) throws(GraphError) in try cbam(&graph, name, x, reduction: reduction) }
      },
    ])

  private static func reduction(from reader: SettingsReader) throws(ConfigurationError) -> Int {
    try reader.integer(
      "reduction", default: 16, in: 1...1_000_000, "how many channels share a unit of the hidden layer")
  }

  private static func count(_ elements: [Element]) -> Int {
    elements.reduce(0) { total, element in
      let own =
        switch element {
        case .layer, .block: 1
        case .repetition(let times, let inner): times * count(inner)
        case .residual(let inner): 1 + count(inner)
        }
      return min(total + own, largestNodeCount + 1)
    }
  }

  package func build(
    _ graph: inout GraphBuilder, inputs: BatchInputs, outputs: Int
  ) throws(GraphError) -> ModelGraph.Value {
    let prediction = try Self.add(elements, to: &graph, name: "layers", inputs.main.value)
    let shape = graph.shape(of: prediction)
    guard shape.last == outputs else {
      throw GraphError(
        node: "layers",
        message: "the last layer gives \(shape.last) outputs, but the data ask for \(outputs);"
          + " set its \"units\" to \(outputs)")
    }
    return prediction
  }

  private static func add(
    _ elements: [Element], to graph: inout GraphBuilder, name: String, _ input: ModelGraph.Value
  ) throws(GraphError) -> ModelGraph.Value {
    var x = input
    for (index, element) in elements.enumerated() {
      let name = "\(name).\(index)"
      switch element {
      case .layer(let blueprint): x = try graph.add(name, blueprint, x)
      case .block(let block): x = try block(&graph, name, x)
      case .repetition(let times, let inner):
        for repetition in 0..<times { x = try add(inner, to: &graph, name: "\(name).\(repetition)", x) }
      case .residual(let inner):
        let y = try add(inner, to: &graph, name: name, x)
        x = try graph.add("\(name).add", ResidualAdd.blueprint(NoSettings()), x, y)
      }
    }
    return x
  }
}
