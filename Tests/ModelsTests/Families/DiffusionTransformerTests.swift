import Configuration
import Layers
import Models
import Tensors
import Testing

/// The family `dit`: inputs, names, shapes, initial zeros and refusals.
@Suite struct DiffusionTransformerTests {
  private let model = #"{"type": "dit", "patch_size": 2, "width": 16, "depth": 2, "heads": 4}"#
  private let input = TestField("input", [3, 4, 6, 3])
  private let time = TestField("time", [3], below: 1000)
  private let label = TestField("condition", [3], below: 11)
  private let caption = TestField("condition", [3, 7], below: 50)

  private func made(_ model: String? = nil, _ fields: TestField...) throws -> ModelGraph {
    try graph(model ?? self.model, fields: fields, outputs: 3)
  }

  @Test func predictsAnImage() throws {
    for graph in [try made(nil, input, time), try made(nil, input, time, label), try made(nil, input, time, caption)] {
      #expect(graph.predictionShape == TensorShape([3, 4, 6, 3]))
    }
  }

  @Test func readsAClassAsAVector() throws {
    let graph = try made(nil, input, time, label)
    #expect(!graph.names.contains { $0.contains("cross_attention") || $0.hasPrefix("text.") })
    #expect(graph.parameterNames.contains("class_embedding.weight"))
    // Blocks read SiLU of the sum of both vectors.
    let condition = try #require(graph.names.firstIndex(of: "condition"))
    let sum = try #require(graph.names.firstIndex(of: "class_embedding.add"))
    #expect(graph.nodes[condition].inputs == [.node(sum)])
    for name in ["blocks.0.modulation", "blocks.1.modulation", "final.modulation"] {
      #expect(graph.nodes.first { $0.name == name }?.inputs == [.node(condition)])
    }
  }

  @Test func attendsToACaption() throws {
    let model = #"""
      {"type": "dit", "patch_size": 2, "width": 16, "depth": 2, "heads": 4,
       "text_encoder": {"layers": 3, "width": 24, "heads": 2}}
      """#
    let graph = try made(model, input, time, caption)
    #expect(graph.names.filter { $0.hasPrefix("text.blocks.") && $0.hasSuffix(".attention") }.count == 3)
    let text = try #require(graph.names.firstIndex(of: "text.norm"))
    #expect(graph.shape(of: .node(text)) == TensorShape([3, 7, 24]))
    for block in 0..<2 {
      let keys = try #require(graph.nodes.first { $0.name == "blocks.\(block).cross_attention.kv" })
      #expect(keys.inputs == [.node(text)] && keys.layer.outputShape == TensorShape([3, 7, 32]))
    }
  }

  @Test func startsAsTheIdentity() throws {
    let graph = try made(nil, input, time, caption)
    let zeros = graph.nodes.filter { node in
      node.layer.parameters.first { $0.name == "weight" }?.initializer == .zeros
    }
    #expect(
      Set(zeros.map(\.name)) == [
        "blocks.0.modulation", "blocks.1.modulation", "blocks.0.cross_attention.proj", "blocks.1.cross_attention.proj",
        "final.modulation", "final.linear",
      ])
    for node in zeros { #expect(node.layer.parameters.last?.initializer == .zeros) }
  }

  @Test(arguments: [
    (#"{"type": "dit", "patch_size": 4, "width": 16, "heads": 4}"#, "patch_size 4 does not divide images of 4 × 6"),
    (#"{"type": "dit", "width": 18, "heads": 4}"#, "4 heads do not divide a width of 18"),
    (#"{"type": "dit", "width": 18, "heads": 2}"#, "18 is not a multiple of 4"),
    (#"{"type": "dit", "text_encoder": {"heads": 5}}"#, "5 heads do not divide a width of 128"),
  ])
  func refusesSettingsThatDoNotFit(_ model: String, _ words: String) {
    let error = #expect(throws: (any Error).self) { _ = try made(model, input, time) }
    #expect("\(error.map { "\($0)" } ?? "")".contains(words))
  }

  @Test func refusesDataWithoutTime() {
    for (fields, words) in [
      ([input], "reads a field \"time\", which the data do not have; add a \"diffusion\" section"),
      ([input, TestField("time", [3])], "expects \"time\" to be one whole number a sample"),
      ([input, time, TestField("condition", [3, 2, 2], below: 4)], "a class or a caption's tokens"),
      ([TestField("input", [3, 24]), time], "dit expects images"),
    ] {
      let error = #expect(throws: GraphError.self) { _ = try graph(model, fields: fields, outputs: 3) }
      #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
    }
  }
}
