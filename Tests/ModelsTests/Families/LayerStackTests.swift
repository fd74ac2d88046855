import Configuration
import Layers
import Models
import Tensors
import Testing

@Suite struct LayerStackTests {
  static let nested = #"""
    {"type": "layers", "layers": [
      {"type": "flatten"},
      {"type": "linear", "units": 16},
      {"type": "repeat", "times": 2, "layers": [
        {"type": "residual", "layers": [
          {"type": "linear", "units": 16},
          {"type": "activation", "function": "relu"}]},
        {"type": "layer_norm"}]},
      {"type": "linear", "units": 5}]}
    """#

  @Test func namesArePlaces() throws {
    let graph = try graph(Self.nested, input: [8, 4, 5])
    #expect(
      graph.names == [
        "layers.0", "layers.1", "layers.2.0.0.0", "layers.2.0.0.1", "layers.2.0.0.add", "layers.2.0.1",
        "layers.2.1.0.0", "layers.2.1.0.1", "layers.2.1.0.add", "layers.2.1.1", "layers.3",
      ])
    // The shortcut starts before the block and is added after it.
    #expect(graph.nodes[4].inputs == [.node(1), .node(3)] && graph.nodes[8].inputs == [.node(5), .node(7)])
    #expect(graph.parameterCount == (20 * 16 + 16) + 2 * (16 * 16 + 16 + 32) + (16 * 5 + 5))
  }

  @Test func repetitionsNest() throws {
    let graph = try graph(
      #"""
      {"type": "layers", "layers": [{"type": "repeat", "times": 3, "layers": [{"type": "repeat", "times": 2, "layers": [
        {"type": "linear", "units": 5}]}]}]}
      """#)
    #expect(graph.names == (0..<3).flatMap { a in (0..<2).map { "layers.0.\(a).0.\($0).0" } })
    // Each repetition has parameters of its own.
    #expect(Set(graph.parameterNames).count == 12)
  }

  @Test(arguments: [
    (
      #"{"type": "layers", "layers": [{"type": "linear", "units": 4}]}"#,
      "model: layers: the last layer gives 4 outputs, but the data ask for 5; set its \"units\" to 5"
    ),
    (
      #"{"type": "layers", "layers": [{"type": "residual", "layers": [{"type": "linear", "units": 5}]}]}"#,
      "model: layers.0.add: a residual block must end in the shape it began with: [8, 20] against [8, 5]"
    ),
  ])
  func refusesGraphs(_ model: String, _ message: String) {
    let error = #expect(throws: GraphError.self) { _ = try graph(model) }
    #expect(error?.description == message)
  }

  @Test(arguments: [
    (#"{"type": "layers"}"#, "the key \"layers\" is missing"),
    (#"{"type": "layers", "layers": []}"#, "a list of at least 1"),
    (#"{"type": "layers", "layers": [{"type": "repeat", "times": 2, "layers": []}]}"#, "model.layers[0].layers"),
    (#"{"type": "layers", "layers": [{"type": "repeat", "times": 0, "layers": [{"type": "flatten"}]}]}"#, "1 to 10000"),
    (#"{"type": "layers", "layers": [{"type": "flatten"}, {"type": "liner"}]}"#, "model.layers[1].type"),
    (#"{"type": "layers", "layers": [{"type": "liner"}]}"#, "did you mean \"linear\"?"),
    (
      #"{"type": "layers", "layers": [{"type": "residual", "layers": [{"type": "flatten", "a": 1}]}]}"#,
      "model.layers[0].layers[0].a: unknown key"
    ),
    (#"{"type": "layers", "layers": [{"type": "add"}]}"#, "unknown type \"add\""),
    (
      #"""
      {"type": "layers", "layers": [{"type": "repeat", "times": 10000, "layers": [
        {"type": "repeat", "times": 10000, "layers": [
          {"type": "repeat", "times": 10000, "layers": [{"type": "flatten"}]}]}]}]}
      """#, "more than 100000 layers"
    ),
  ])
  func refusesSettings(_ model: String, _ words: String) {
    let error = #expect(throws: ConfigurationError.self) { _ = try graph(model) }
    #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
  }

  @Test func deepNestingIsRefusedBeforeItIsRead() {
    let depth = 40
    let model =
      #"{"type": "layers", "layers": ["#
      + String(repeating: #"{"type": "residual", "layers": ["#, count: depth) + #"{"type": "flatten"}"#
      + String(repeating: "]}", count: depth) + "]}"
    let error = #expect(throws: ConfigurationError.self) { _ = try graph(model) }
    #expect(error?.message.contains("nested deeper than 64") == true)
  }
}
