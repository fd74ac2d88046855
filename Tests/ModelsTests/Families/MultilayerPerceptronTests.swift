import Configuration
import Layers
import Models
import Tensors
import Testing

@Suite struct MultilayerPerceptronTests {
  @Test(arguments: ["none", "batch", "layer", "rms"], ["before_activation", "after_activation"])
  func followsItsFigure(_ normalization: String, _ place: String) throws {
    let hasNorm = normalization != "none"
    let placeKey = hasNorm ? #", "normalization_place": "\#(place)""# : ""
    for isResidual in [false, true] {
      for dropout in [0, 0.25] {
        let graph = try graph(
          #"""
          {"type": "mlp", "depth": 3, "width": 12, "activation": "tanh", "normalization": "\#(normalization)",
           "residual": \#(isResidual), "dropout": \#(dropout)\#(placeKey)}
          """#, input: [8, 4, 5])
        var expected = ["flatten"]
        for layer in 0..<3 {
          expected.append("hidden.\(layer)")
          if hasNorm, place == "before_activation" { expected.append("hidden_norms.\(layer)") }
          expected.append("activations.\(layer)")
          if hasNorm, place == "after_activation" { expected.append("hidden_norms.\(layer)") }
          if dropout > 0 { expected.append("dropouts.\(layer)") }
          // The first layer changes the width from 20 to 12: there is no residual.
          if isResidual, layer > 0 { expected.append("residuals.\(layer)") }
        }
        #expect(graph.names == expected + ["head"])
        let perNorm = ["none": 0, "batch": 24, "layer": 24, "rms": 12][normalization] ?? 0
        #expect(graph.parameterCount == (20 * 12 + 12) + 2 * (12 * 12 + 12) + 3 * perNorm + (12 * 5 + 5))
        #expect(graph.predictionShape == TensorShape([8, 5]))
      }
    }
  }

  @Test func widthsNameEachLayer() throws {
    let graph = try graph(#"{"type": "mlp", "widths": [9, 7, 7], "residual": true}"#)
    #expect(
      graph.parameterNames == [
        "hidden.0.weight", "hidden.0.bias", "hidden.1.weight", "hidden.1.bias", "hidden.2.weight", "hidden.2.bias",
        "head.weight", "head.bias",
      ])
    #expect(
      graph.nodes.flatMap(\.layer.parameters).map(\.shape.description) == [
        "[9, 20]", "[9]", "[7, 9]", "[7]", "[7, 7]", "[7]", "[5, 7]", "[5]",
      ])
    #expect(graph.names.filter { $0.hasPrefix("residuals") } == ["residuals.2"])
  }

  @Test func aResidualGoesAroundTheWholeHiddenLayer() throws {
    let graph = try graph(#"{"type": "mlp", "depth": 2, "width": 20, "residual": true, "dropout": 0.5}"#)
    #expect(
      graph.names == [
        "hidden.0", "activations.0", "dropouts.0", "residuals.0", "hidden.1", "activations.1", "dropouts.1",
        "residuals.1", "head",
      ])
    #expect(graph.nodes[3].inputs == [.field(0), .node(2)] && graph.nodes[7].inputs == [.node(3), .node(6)])
  }

  @Test func noDepthIsALinearModel() throws {
    #expect(try graph(#"{"type": "mlp", "depth": 0}"#).parameterNames == ["head.weight", "head.bias"])
    #expect(try graph(#"{"type": "mlp", "depth": 2000, "width": 3}"#).names.count == 4001)
  }

  @Test func initializersReachTheirWeights() throws {
    let graph = try graph(
      #"""
      {"type": "mlp", "depth": 1, "width": 4, "initializer": {"type": "uniform", "bound": 0.5},
       "head_initializer": "zeros"}
      """#)
    let initializers = graph.nodes.flatMap(\.layer.parameters).map(\.initializer)
    #expect(initializers == [.uniform(bound: 0.5), .zeros, .zeros, .zeros])
  }

  @Test(arguments: [
    (#"{"type": "mlp", "widths": [3], "depth": 2}"#, "c.json:1:27: model.widths: ", "remove \"depth\" and \"width\""),
    (#"{"type": "mlp", "widths": [3], "width": 2}"#, "c.json:1:27: model.widths: ", "already says"),
    (#"{"type": "mlp", "depth": 2}"#, "c.json:1:1: model: ", "expected \"depth\" and \"width\", or \"widths\""),
    (#"{"type": "mlp", "width": 2}"#, "c.json:1:1: model: ", "or \"widths\""),
    (#"{"type": "mlp"}"#, "c.json:1:1: model: ", "or \"widths\""),
    (
      #"{"type": "mlp", "depth": 1, "width": 2, "normalization_place": "after_activation"}"#,
      "c.json:1:64: model.normalization_place: ", "never used, because \"normalization\" is \"none\""
    ),
    (#"{"type": "mlp", "depth": 2001, "width": 2}"#, "model.depth", "0 to 2000"),
    (#"{"type": "mlp", "depth": -1, "width": 2}"#, "model.depth", "-1 is out of range"),
    (#"{"type": "mlp", "depth": 1, "width": 0}"#, "model.width", "1 to 1000000"),
    (#"{"type": "mlp", "widths": []}"#, "model.widths", "at least 1"),
    (#"{"type": "mlp", "widths": [3, "4"]}"#, "model.widths[1]", "remove the quotes"),
    (#"{"type": "mlp", "depth": 1, "width": 2, "dropout": 1}"#, "model.dropout", "at most 0.999"),
    (
      #"{"type": "mlp", "depth": 1, "width": 2, "activaton": "relu"}"#, "model.activaton",
      "did you mean \"activation\"?"
    ),
    (#"{"type": "mlp", "depth": 1, "width": 2, "activation": "rely"}"#, "model.activation", "did you mean \"relu\"?"),
    (#"{"type": "mpl", "depth": 1, "width": 2}"#, "model.type", "did you mean \"mlp\"?"),
    (#"{"type": "mlp", "depth": 1, "width": 2, "initializer": "he_norml"}"#, "model.initializer.type", "did you mean"),
  ])
  func refuses(_ model: String, _ place: String, _ words: String) {
    let error = #expect(throws: ConfigurationError.self) { _ = try graph(model) }
    let text = error?.description ?? ""
    #expect(text.contains(place) && text.contains(words), "\(text)")
    #expect(!text.contains("\n"))
  }
}
