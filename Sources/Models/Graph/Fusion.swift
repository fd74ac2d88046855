import Layers

extension ModelGraph {
  /// The same network with neighbours joined wherever a layer can do its only consumer's work in its own pass.
  ///
  /// Names of parameters and buffers, random numbers and results stay. The joined node has the first one's name and the
  /// place of the second, since the second's other inputs may be computed in between. Chains join step by step: batch norm
  /// takes in the addition of a shortcut, and then the ReLU behind it.
  ///
  /// - Parameters:
  ///   - isTraining: whether the network will run backwards; what only evaluation may join stays apart otherwise.
  ///   - keepsPrediction: whether somebody reads the prediction; where nobody does, the loss may be joined with the layer
  ///     that makes it, and the graph has none any more.
  package func fusingNeighbours(isTraining: Bool, keepsPrediction: Bool = true) -> ModelGraph {
    var slots: [Node?] = nodes
    var graph = self
    let consumers = consumers()
    for index in nodes.indices {
      if let (joined, producer) = join(index, slots, consumers, isTraining, keepsPrediction) {
        slots[producer] = nil
        slots[index] = joined
        if prediction == .node(producer) { graph.prediction = nil }
      }
    }
    return graph.keeping(slots)
  }

  /// A node with one of those that it reads, and which; of several the one that ran last, whose output is still near.
  private func join(
    _ index: Int, _ slots: [Node?], _ consumers: [[Int]], _ isTraining: Bool, _ keepsPrediction: Bool
  ) -> (joined: Node, producer: Int)? {
    let node = nodes[index]
    let producers = node.inputs.enumerated().compactMap { position, value -> (producer: Int, position: Int)? in
      guard case .node(let producer) = value else { return nil }
      return (producer, position)
    }
    for (producer, position) in producers.sorted(by: { $0.producer > $1.producer })
    where consumers[producer].count == 1 && (prediction != .node(producer) || index == lossNode && !keepsPrediction) {
      guard let first = slots[producer],
        let layer = first.layer.fused(with: node.layer, at: position, isTraining: isTraining)
      else { continue }
      var others = node.inputs
      others.remove(at: position)
      return (first.joined(with: node, as: layer, reading: first.inputs + others), producer)
    }
    return nil
  }

  /// The graph of the nodes that are left.
  private func keeping(_ slots: [Node?]) -> ModelGraph {
    var place = [Int](repeating: 0, count: slots.count)
    var kept: [Node] = []
    func moved(_ value: Value) -> Value { if case .node(let index) = value { .node(place[index]) } else { value } }
    for (index, slot) in slots.enumerated() {
      guard var node = slot else { continue }
      node.inputs = node.inputs.map(moved)
      place[index] = kept.count
      kept.append(node)
    }
    var graph = self
    graph.nodes = kept
    graph.prediction = prediction.map(moved)
    graph.lossNode = lossNode.map { place[$0] }
    return graph
  }
}
