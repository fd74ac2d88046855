import Layers

extension ModelGraph {
  /// The same network with neighbours joined wherever a layer can do its only consumer's work in its own pass.
  ///
  /// Names, parameters and results stay; the joined node keeps the first one's name.
  package func fusingNeighbours() -> ModelGraph {
    var fused = self
    // Where each old node's output is found in the new graph.
    var place: [Int] = []
    var nodes: [Node] = []
    let consumers = consumers()
    for (index, node) in self.nodes.enumerated() {
      if node.inputs.count == 1, case .node(let producer) = node.inputs[0], consumers[producer].count == 1,
        prediction != .node(producer), let joined = nodes[place[producer]].layer.fused(with: node.layer)
      {
        nodes[place[producer]].layer = joined
        place.append(place[producer])
        continue
      }
      var moved = node
      moved.inputs = node.inputs.map { if case .node(let producer) = $0 { .node(place[producer]) } else { $0 } }
      place.append(nodes.count)
      nodes.append(moved)
      if index == lossNode { fused.lossNode = nodes.count - 1 }
    }
    fused.nodes = nodes
    if case .node(let producer) = prediction { fused.prediction = .node(place[producer]) }
    return fused
  }
}
