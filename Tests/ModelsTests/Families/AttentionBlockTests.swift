import Configuration
import Layers
import Models
import Tensors
import Testing

/// Squeeze-and-excitation and CBAM: names, shapes and edges of the graph.
@Suite struct AttentionBlockTests {
  private func stack(_ element: String) -> String {
    #"{"type": "layers", "layers": [\#(element), {"type": "flatten"}, {"type": "linear", "units": 5}]}"#
  }

  /// Every parameter once, as "name shape".
  private func parameters(_ graph: ModelGraph) -> [String] {
    var found: [String] = []
    for node in graph.nodes {
      for (name, declaration) in zip(node.parameterNames, node.layer.parameters) {
        let text = "\(name) \(declaration.shape)"
        if !found.contains(text) { found.append(text) }
      }
    }
    return found
  }

  @Test func squeezeExcitationScalesChannels() throws {
    let graph = try graph(stack(#"{"type": "squeeze_excitation", "reduction": 4}"#), input: [2, 3, 5, 12])
    #expect(
      Array(graph.names.prefix(6)) == ["pool", "fc1", "relu", "fc2", "sigmoid", "scale"].map { "layers.0.\($0)" })
    #expect(
      parameters(graph) == [
        "layers.0.fc1.weight [3, 12]", "layers.0.fc1.bias [3]", "layers.0.fc2.weight [12, 3]", "layers.0.fc2.bias [12]",
        "layers.2.weight [5, 180]", "layers.2.bias [5]",
      ])
    #expect(graph.shape(of: .node(5)) == TensorShape([2, 3, 5, 12]))
    #expect(graph.nodes[5].inputs == [.field(0), .node(4)])
  }

  @Test func cbamScalesChannelsThenPixels() throws {
    let graph = try graph(stack(#"{"type": "cbam", "reduction": 4}"#), input: [2, 3, 5, 12])
    #expect(
      parameters(graph) == [
        "layers.0.fc1.weight [3, 12]", "layers.0.fc1.bias [3]", "layers.0.fc2.weight [12, 3]", "layers.0.fc2.bias [12]",
        "layers.0.spatial.weight [1, 2, 7, 7]", "layers.2.weight [5, 180]", "layers.2.bias [5]",
      ])
    // Mean and largest go through one perceptron.
    for layer in ["fc1", "fc2"] {
      let uses = graph.nodes.filter { $0.parameterNames.contains("layers.0.\(layer).weight") }
      #expect(uses.map(\.name) == ["layers.0.\(layer)", "layers.0.\(layer).max"])
    }
    let scaled = try #require(graph.names.firstIndex(of: "layers.0.channel_scale"))
    let last = try #require(graph.nodes.first { $0.name == "layers.0.spatial_scale" })
    #expect(graph.nodes[scaled].inputs.first == .field(0) && last.inputs.first == .node(scaled))
    #expect(last.layer.outputShape == TensorShape([2, 3, 5, 12]))
  }

  @Test(arguments: ["squeeze_excitation", "cbam"]) func fewChannelsKeepAHiddenUnit(_ kind: String) throws {
    let graph = try graph(stack(#"{"type": "\#(kind)"}"#), input: [2, 3, 3, 7])
    #expect(parameters(graph).first == "layers.0.fc1.weight [1, 7]")
  }

  @Test(arguments: ["squeeze_excitation", "cbam"]) func refusesOtherInputsThanImages(_ kind: String) {
    let error = #expect(throws: GraphError.self) { _ = try graph(stack(#"{"type": "\#(kind)"}"#)) }
    let words = "expects images (batch, height, width, channels), got the shape [8, 20]"
    #expect(error?.description.contains(words) == true)
    let zero = #expect(throws: ConfigurationError.self) {
      _ = try graph(stack(#"{"type": "\#(kind)", "reduction": 0}"#), input: [2, 3, 3, 7])
    }
    #expect(zero?.description.contains("model.layers[0].reduction") == true)
  }
}
