import Layers

extension ModelGraph {
  /// The same network with neighbors joined wherever a layer can do its only consumer's work in its own pass.
  ///
  /// Names of parameters and buffers, random numbers and results stay. The joined node has the first one's name and the
  /// place of the second, since the second's other inputs may be computed in between. Chains join step by step: batch
  /// norm takes in the addition of a shortcut, and then the ReLU after it.
  ///
  /// - Parameters:
  ///   - isTraining: whether the network will run backwards; some layers can be joined in evaluation only.
  ///   - keepsPrediction: whether the prediction is read; where it is not, the loss may be joined with the layer that
  ///     computes it, and the graph has no prediction.
  package func fusingNeighbours(isTraining: Bool, keepsPrediction: Bool = true) -> ModelGraph {
    var remaining: [Node?] = nodes
    var graph = self
    let consumers = consumers()
    for index in nodes.indices {
      if let (joined, producer) = join(index, remaining, consumers, isTraining, keepsPrediction) {
        remaining[producer] = nil
        remaining[index] = joined
        if prediction == .node(producer) { graph.prediction = nil }
      }
    }
    return graph.keeping(remaining)
  }

  /// A node joined with one of those that it reads, and that one; of several the last, whose output is still in cache.
  private func join(
    _ index: Int, _ remaining: [Node?], _ consumers: [[Int]], _ isTraining: Bool, _ keepsPrediction: Bool
  ) -> (joined: Node, producer: Int)? {
    let node = nodes[index]
    let producers = node.inputs.enumerated().compactMap { position, value -> (producer: Int, position: Int)? in
      guard case .node(let producer) = value else { return nil }
      return (producer, position)
    }
    for (producer, position) in producers.sorted(by: { $0.producer > $1.producer })
    where consumers[producer].count == 1 && (prediction != .node(producer) || index == lossNode && !keepsPrediction) {
      guard let first = remaining[producer],
        let layer = first.layer.fused(with: node.layer, at: position, isTraining: isTraining)
      else { continue }
      var others = node.inputs
      others.remove(at: position)
      return (first.joined(with: node, as: layer, reading: first.inputs + others), producer)
    }
    return nil
  }

  /// The graph of the remaining nodes.
  private func keeping(_ remaining: [Node?]) -> ModelGraph {
    var place = [Int](repeating: 0, count: remaining.count)
    var kept: [Node] = []
    func moved(_ value: Value) -> Value { if case .node(let index) = value { .node(place[index]) } else { value } }
    for (index, node) in remaining.enumerated() {
      guard var node else { continue }
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
