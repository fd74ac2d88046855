import Layers
import Tensors

/// The layers of a network and the values that flow between them: acyclic, and in an order in which they can run.
package struct ModelGraph: Sendable {
  /// A tensor that flows: a field of the batch, or the output of a node.
  package enum Value: Hashable, Sendable {
    case field(Int)
    case node(Int)
  }

  /// A tensor that comes with each micro-batch, as (B, …).
  package struct Field: Sendable {
    package let name: String
    package let shape: TensorShape
    package let type: ElementType
    /// The bound that whole numbers in it are below; nil for values, and where it is unknown.
    package let classCount: Int?
  }

  package struct Node: Sendable {
    /// PyTorch's name of the module, `hidden.0`; its parameters are `hidden.0.weight`, …
    package let name: String
    /// Its place in the graph before fusion, which its random numbers depend on.
    package let index: Int
    package let layer: any Layer
    package internal(set) var inputs: [Value]
    /// The full name of each of the layer's parameters, `hidden.0.weight`; two of one name are one parameter.
    package let parameterNames: [String]
    /// The full name of each of the layer's buffers.
    package let bufferNames: [String]

    /// - Parameter owner: the node that the parameters are called after.
    init(name: String, owner: String, index: Int, layer: any Layer, inputs: [Value]) {
      self.init(
        name: name, index: index, layer: layer, inputs: inputs,
        parameterNames: layer.parameters.map { "\(owner).\($0.name)" },
        bufferNames: layer.buffers.map { "\(name).\($0.name)" })
    }

    private init(
      name: String, index: Int, layer: any Layer, inputs: [Value], parameterNames: [String], bufferNames: [String]
    ) {
      precondition(layer.parameters.count == parameterNames.count && layer.buffers.count == bufferNames.count)
      self.name = name
      self.index = index
      self.layer = layer
      self.inputs = inputs
      self.parameterNames = parameterNames
      self.bufferNames = bufferNames
    }

    /// This node with `next`, whose parameters and buffers follow its own.
    func joined(with next: Node, as layer: any Layer, reading inputs: [Value]) -> Node {
      Node(
        name: name, index: index, layer: layer, inputs: inputs, parameterNames: parameterNames + next.parameterNames,
        bufferNames: bufferNames + next.bufferNames)
    }
  }

  package internal(set) var fields: [Field]
  package internal(set) var nodes: [Node]
  /// Nil where the loss was joined with the layer that computes the prediction.
  package internal(set) var prediction: Value?
  /// The node that compares the prediction with the target; nil in a graph that only predicts.
  package internal(set) var lossNode: Int?

  package func shape(of value: Value) -> TensorShape {
    switch value {
    case .field(let index): fields[index].shape
    case .node(let index): nodes[index].layer.outputShape
    }
  }

  package var predictionShape: TensorShape? { prediction.map(shape) }

  /// Whether a prediction is (B, T, …): one for each place of a sequence.
  package var predictsSequences: Bool { predictionShape?.rank == 3 }

  /// The fields that neither a node reads nor the prediction is.
  package var unreadFields: [Field] {
    let read = Set(nodes.flatMap(\.inputs) + (prediction.map { [$0] } ?? []))
    return fields.indices.filter { !read.contains(.field($0)) }.map { fields[$0] }
  }

  /// The nodes that read each node's output.
  package func consumers() -> [[Int]] {
    var consumers = [[Int]](repeating: [], count: nodes.count)
    for (index, node) in nodes.enumerated() {
      for case .node(let producer) in node.inputs { consumers[producer].append(index) }
    }
    return consumers
  }
}

/// A layer could not be added to a graph.
package struct GraphError: Error, CustomStringConvertible, Sendable {
  /// The node's name.
  package let node: String
  package let message: String

  package init(node: String, message: String) {
    self.node = node
    self.message = message
  }

  package var description: String { "model: \(node): \(message)" }
}

/// Builds a graph layer by layer; a node can only read what is already there, so the graph is acyclic by construction.
package struct GraphBuilder {
  private var fields: [ModelGraph.Field] = []
  private var nodes: [ModelGraph.Node] = []
  private var names: Set<String> = []

  package init() {}

  /// A tensor that comes with each micro-batch.
  package mutating func field(
    _ name: String, _ shape: TensorShape, _ type: ElementType, classCount: Int? = nil
  ) -> ModelGraph.Value {
    fields.append(ModelGraph.Field(name: name, shape: shape, type: type, classCount: classCount))
    return .field(fields.count - 1)
  }

  package func shape(of value: ModelGraph.Value) -> TensorShape {
    switch value {
    case .field(let index): fields[index].shape
    case .node(let index): nodes[index].layer.outputShape
    }
  }

  /// Adds a layer under a name that no other node has.
  ///
  /// - Parameter owner: a node whose parameters the layer shares; their gradient is the sum of both.
  package mutating func add(
    _ name: String, _ blueprint: LayerBlueprint, _ inputs: ModelGraph.Value..., sharing owner: String? = nil
  ) throws(GraphError) -> ModelGraph.Value {
    try add(name, blueprint, inputs, sharing: owner)
  }

  /// Adds a layer of any number of inputs.
  package mutating func add(
    _ name: String, _ blueprint: LayerBlueprint, _ inputs: [ModelGraph.Value], sharing owner: String? = nil
  ) throws(GraphError) -> ModelGraph.Value {
    precondition(owner.map(names.contains) ?? true, "\(name) shares parameters of a node that is not there")
    do throws(LayerError) {
      let layer = try blueprint.make(inputs.map(shape(of:)))
      for (index, value) in inputs.enumerated() {
        try check(value, below: layer.integerInputs[index], for: blueprint.kind)
      }
      return add(name, layer: layer, inputs, owner: owner)
    } catch {
      throw GraphError(node: name, message: error.description)
    }
  }

  /// Refuses tokens where values are expected, values where tokens are, and tokens beyond a layer's vocabulary.
  ///
  /// - Parameter bound: the bound that the layer expects whole numbers to be below; nil where it expects values.
  private func check(_ value: ModelGraph.Value, below bound: Int?, for kind: String) throws(LayerError) {
    let isInteger = bound != nil
    var isField = false
    var name = "values"
    if case .field(let index) = value {
      isField = fields[index].type == .int32
      name = "the field \"\(fields[index].name)\""
      if let bound, let count = fields[index].classCount, count > bound {
        throw LayerError("\(kind) expects numbers below \(bound), but \(name) holds numbers up to \(count - 1)")
      }
    }
    guard isField != isInteger else { return }
    throw LayerError(
      isInteger
        ? "\(kind) expects whole numbers such as tokens, but \(name) holds values"
        : "\(kind) expects values, but \(name) holds whole numbers such as tokens; put an embedding before it")
  }

  /// The finished graph.
  ///
  /// - Parameters:
  ///   - loss: compares the prediction with a target; nil in a graph that only predicts.
  ///   - weights: a weight of each sample in the loss.
  package consuming func finish(
    prediction: ModelGraph.Value, loss: (blueprint: LossBlueprint, target: ModelGraph.Value)? = nil,
    weights: ModelGraph.Value? = nil
  ) throws(GraphError) -> ModelGraph {
    var builder = self
    guard let loss else {
      return ModelGraph(fields: builder.fields, nodes: builder.nodes, prediction: prediction, lossNode: nil)
    }
    do throws(LayerError) {
      let layer = try loss.blueprint.make(
        builder.shape(of: prediction), builder.shape(of: loss.target), weights.map(builder.shape(of:)))
      _ = builder.add("loss", layer: layer, [prediction, loss.target] + (weights.map { [$0] } ?? []))
    } catch {
      throw GraphError(node: "loss", message: error.description)
    }
    return ModelGraph(
      fields: builder.fields, nodes: builder.nodes, prediction: prediction, lossNode: builder.nodes.count - 1)
  }

  private mutating func add(
    _ name: String, layer: any Layer, _ inputs: [ModelGraph.Value], owner: String? = nil
  ) -> ModelGraph.Value {
    precondition(names.insert(name).inserted, "two nodes are called \(name)")
    nodes.append(
      ModelGraph.Node(name: name, owner: owner ?? name, index: nodes.count, layer: layer, inputs: inputs))
    return .node(nodes.count - 1)
  }
}
