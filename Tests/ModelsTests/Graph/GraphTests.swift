import Kernels
import Layers
import Models
import Tensors
import Testing

/// Small graphs, layer by layer.
struct Sketch {
  var builder = GraphBuilder()
  let x: ModelGraph.Value

  init(_ shape: [Int] = [4, 6]) { x = builder.field("input", TensorShape(shape), .float32) }

  mutating func linear(_ name: String, _ units: Int, _ input: ModelGraph.Value) throws -> ModelGraph.Value {
    try builder.add(name, Linear.blueprint(.init(units: units, initializer: .heNormal)), input)
  }

  mutating func activation(
    _ name: String, _ input: ModelGraph.Value, _ function: Activation = .relu
  ) throws -> ModelGraph.Value {
    try builder.add(name, ActivationLayer.blueprint(.init(function)), input)
  }

  mutating func norm(_ name: String, _ input: ModelGraph.Value) throws -> ModelGraph.Value {
    try builder.add(name, BatchNorm.blueprint(.init()), input)
  }

  mutating func sum(_ name: String, _ a: ModelGraph.Value, _ b: ModelGraph.Value) throws -> ModelGraph.Value {
    try builder.add(name, ResidualAdd.blueprint(NoSettings()), a, b)
  }
}

@Suite struct GraphTests {
  @Test func shapesAndConsumersAreKnown() throws {
    var sketch = Sketch([4, 2, 3])
    let flat = try sketch.builder.add("flatten", Flatten.blueprint(NoSettings()), sketch.x)
    let a = try sketch.linear("a", 6, flat)
    let sum = try sketch.sum("sum", flat, a)
    #expect(sketch.builder.shape(of: sketch.x) == TensorShape([4, 2, 3]))
    #expect(sketch.builder.shape(of: sum) == TensorShape([4, 6]))
    let graph = try sketch.builder.finish(prediction: sum)
    #expect(graph.nodes.map(\.name) == ["flatten", "a", "sum"])
    #expect(graph.consumers() == [[1, 2], [2], []])
    #expect(graph.lossNode == nil && graph.prediction == .node(2))
    #expect(graph.shape(of: .node(1)) == TensorShape([4, 6]) && graph.shape(of: .field(0)).rank == 3)
    #expect(graph.nodes[1].parameterNames == ["a.weight", "a.bias"])
    // A node reads only earlier nodes.
    for (index, node) in graph.nodes.enumerated() {
      for case .node(let producer) in node.inputs { #expect(producer < index) }
    }
  }

  @Test func fieldsThatNothingReadsAreKnown() throws {
    var sketch = Sketch([4, 6])
    _ = sketch.builder.field("time", TensorShape([4]), .int32)
    let target = sketch.builder.field("target", TensorShape([4, 5]), .float32)
    _ = sketch.builder.field("condition", TensorShape([4]), .int32)
    let y = try sketch.linear("a", 5, sketch.x)
    let trained = try sketch.builder.finish(prediction: y, loss: (SquaredError.blueprint, target))
    #expect(trained.unreadFields.map(\.name) == ["time", "condition"])
    #expect(try sketch.builder.finish(prediction: sketch.x).unreadFields.count == 3)
  }

  @Test func errorsNameTheNode() throws {
    var sketch = Sketch()
    let a = try sketch.linear("a", 5, sketch.x)
    let error = #expect(throws: GraphError.self) { _ = try sketch.sum("blocks.3", sketch.x, a) }
    #expect(
      error?.description
        == "model: blocks.3: a residual block must end in the shape it began with: [4, 6] against [4, 5]")
    let t = sketch.builder.field("target", TensorShape([4, 2]), .float32)
    let loss = #expect(throws: GraphError.self) {
      _ = try sketch.builder.finish(prediction: a, loss: (SquaredError.blueprint, t))
    }
    #expect(loss?.node == "loss" && loss?.message.contains("[4, 5], the target [4, 2]") == true)
  }

  @Test func theLossIsTheLastNode() throws {
    var sketch = Sketch()
    let t = sketch.builder.field("target", TensorShape([4, 2]), .float32)
    let y = try sketch.linear("a", 2, sketch.x)
    let graph = try sketch.builder.finish(prediction: y, loss: (SquaredError.blueprint, t))
    #expect(graph.lossNode == 1 && graph.nodes[1].inputs == [.node(0), .field(1)])
  }
}

@Suite struct FusionTests {
  @Test func joinsALinearLayerWithItsActivation() throws {
    var sketch = Sketch()
    let t = sketch.builder.field("target", TensorShape([4, 2]), .float32)
    var y = sketch.x
    for index in 0..<3 {
      y = try sketch.linear("hidden.\(index)", 6, y)
      y = try sketch.activation("activations.\(index)", y, [.relu, .sigmoid, .gelu][index])
    }
    y = try sketch.linear("head", 2, y)
    let graph = try sketch.builder.finish(prediction: y, loss: (SquaredError.blueprint, t))
    let fused = graph.fusingNeighbours(isTraining: true)
    // GELU needs its input.
    #expect(fused.nodes.map(\.name) == ["hidden.0", "hidden.1", "hidden.2", "activations.2", "head", "loss"])
    #expect(fused.nodes[0].layer.watchedActivation == .relu && fused.nodes[1].layer.watchedActivation == .sigmoid)
    #expect(fused.nodes.map(\.inputs).dropLast() == [[.field(0)], [.node(0)], [.node(1)], [.node(2)], [.node(3)]])
    #expect(fused.nodes[5].inputs == [.node(4), .field(1)])
    #expect(fused.lossNode == 5 && fused.prediction == .node(4))
    #expect(fused.fusingNeighbours(isTraining: true).nodes.count == 6)
  }

  @Test func leavesAnOutputAloneThatOthersRead() throws {
    var sketch = Sketch()
    let a = try sketch.linear("a", 6, sketch.x)
    let b = try sketch.activation("b", a)
    let sum = try sketch.sum("sum", a, b)
    let graph = try sketch.builder.finish(prediction: sum)
    #expect(graph.fusingNeighbours(isTraining: true).nodes.count == 3)
  }

  @Test func leavesThePredictionAlone() throws {
    var sketch = Sketch()
    let a = try sketch.linear("a", 6, sketch.x)
    _ = try sketch.activation("b", a)
    #expect(try sketch.builder.finish(prediction: a).fusingNeighbours(isTraining: true).nodes.count == 2)
  }

  /// Logits of 20 MiB.
  @Test func aLossJoinsTheLayerOfAPredictionThatIsNotRead() throws {
    var sketch = Sketch([4, 256, 6])
    let t = sketch.builder.field("target", TensorShape([4, 256]), .int32)
    let a = try sketch.linear("a", 6, sketch.x)
    let y = try sketch.linear("head", 5120, a)
    let loss = try lossCatalog.read(.object([("type", .string("cross_entropy"))])).product
    let graph = try sketch.builder.finish(prediction: y, loss: (loss, t))
    let kept = graph.fusingNeighbours(isTraining: true)
    #expect(kept.nodes.map(\.name) == ["a", "head", "loss"] && kept.prediction == .node(1))
    let fused = graph.fusingNeighbours(isTraining: true, keepsPrediction: false)
    #expect(fused.nodes.map(\.name) == ["a", "head"] && fused.prediction == nil && fused.lossNode == 1)
    #expect(fused.nodes[1].inputs == [.node(0), .field(1)] && fused.nodes[1].layer is any Loss)
    #expect(fused.nodes[1].parameterNames == ["head.weight", "head.bias"] && fused.predictionShape == nil)
  }

  @Test func anActivationThatIsThePredictionMoves() throws {
    var sketch = Sketch()
    let y = try sketch.activation("b", try sketch.linear("a", 6, sketch.x), .sigmoid)
    let fused = try sketch.builder.finish(prediction: y).fusingNeighbours(isTraining: true)
    #expect(fused.nodes.map(\.name) == ["a"] && fused.prediction == .node(0))
  }

  /// norm → (+ x) → ReLU, with layers in between in the order of the graph.
  @Test(arguments: [false, true]) func aShortcutJoinsItsNorm(_ isFirstInput: Bool) throws {
    var sketch = Sketch()
    let a = try sketch.linear("a", 6, sketch.x)
    let norm = try sketch.norm("norm", a)
    let shortcut = try sketch.linear("shortcut", 6, sketch.x)
    let sum = isFirstInput ? try sketch.sum("sum", norm, shortcut) : try sketch.sum("sum", shortcut, norm)
    let y = try sketch.linear("b", 6, try sketch.activation("relu", sum))
    let end = try sketch.sum("end", shortcut, y)
    let fused = try sketch.builder.finish(prediction: end).fusingNeighbours(isTraining: true)
    // It comes after all nodes that it reads.
    #expect(fused.nodes.map(\.name) == ["a", "shortcut", "norm", "b", "end"])
    #expect(fused.nodes[2].inputs == [.node(0), .node(1)] && fused.nodes[2].index == 1)
    #expect(fused.nodes[2].layer.additions == ["add", "relu"])
    #expect(fused.nodes[2].parameterNames == ["norm.weight", "norm.bias"])
    #expect(fused.nodes[2].bufferNames == ["norm.running_mean", "norm.running_var"])
    #expect(fused.nodes[3].inputs == [.node(2)] && fused.nodes[4].inputs == [.node(1), .node(3)])
    #expect(fused.prediction == .node(4))
  }

  @Test func ofTwoNormsTheLaterTakesInTheSum() throws {
    var sketch = Sketch()
    let left = try sketch.norm("left", sketch.x)
    let right = try sketch.norm("right", sketch.x)
    let y = try sketch.activation("relu", try sketch.sum("sum", right, left))
    let fused = try sketch.builder.finish(prediction: y).fusingNeighbours(isTraining: true)
    #expect(fused.nodes.map(\.name) == ["left", "right"] && fused.nodes[1].inputs == [.field(0), .node(0)])
    #expect(fused.nodes[1].layer.additions == ["add", "relu"] && fused.nodes[0].layer.additions.isEmpty)
  }

  @Test func aNormThatIsAddedToItselfStaysApart() throws {
    var sketch = Sketch()
    let norm = try sketch.norm("norm", sketch.x)
    let sum = try sketch.sum("sum", norm, norm)
    #expect(try sketch.builder.finish(prediction: sum).fusingNeighbours(isTraining: true).nodes.count == 2)
  }

  @Test func theShortcutCanBeTheNormsOwnInput() throws {
    var sketch = Sketch()
    let a = try sketch.linear("a", 6, sketch.x)
    let y = try sketch.sum("sum", a, try sketch.norm("norm", a))
    let fused = try sketch.builder.finish(prediction: y).fusingNeighbours(isTraining: true)
    #expect(fused.nodes.map(\.name) == ["a", "norm"] && fused.nodes[1].inputs == [.node(0), .node(0)])
  }

  @Test func onlyOneActivationJoins() throws {
    var sketch = Sketch()
    let a = try sketch.activation("b", try sketch.linear("a", 6, sketch.x))
    let y = try sketch.activation("c", a, .tanh)
    let fused = try sketch.builder.finish(prediction: y).fusingNeighbours(isTraining: true)
    #expect(fused.nodes.map(\.name) == ["a", "c"] && fused.prediction == .node(1))
  }
}
