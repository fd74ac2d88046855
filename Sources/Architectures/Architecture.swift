import Arenas
import Configuration
import Layers
import ModelGraph

/// A family of models with its settings: builds the graph from the batch's input to the prediction.
package protocol Architecture: Sendable {
  /// - Parameters:
  ///   - input: the batch's input, (B, …).
  ///   - outputs: features of the prediction that the data ask for: classes, or values to predict.
  /// - Returns: the prediction, (B, outputs) for a model that classifies or regresses.
  func build(
    _ graph: inout GraphBuilder, input: ModelGraph.Value, outputs: Int
  ) throws(GraphError) -> ModelGraph.Value
}

/// The families that a configuration can choose under "model".
package let architectureCatalog = Catalog<any Architecture>(
  "model",
  [
    CatalogEntry("mlp", "a multi-layer perceptron: `depth` hidden layers of `width` units and a linear head") {
      (reader) throws(ConfigurationError) in try MultilayerPerceptron(from: reader)
    },
    CatalogEntry("layers", "any stack of layers, with `repeat` and `residual` blocks") {
      (reader) throws(ConfigurationError) in try LayerStack(from: reader)
    },
  ])

/// Flattens a batch of more than two dimensions.
func flattened(_ graph: inout GraphBuilder, _ value: ModelGraph.Value) throws(GraphError) -> ModelGraph.Value {
  guard graph.shape(of: value).rank != 2 else { return value }
  return try graph.add("flatten", Flatten.blueprint(NoSettings()), value)
}
