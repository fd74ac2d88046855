extension ExecutionPlan {
  /// The steps whose results depend on one field of the batch, in their order.
  package func steps(dependingOn field: Int) -> [Int] {
    var depends = [Bool](repeating: false, count: graph.nodes.count)
    var dependent: [Int] = []
    var step = 0
    for (index, node) in graph.nodes.enumerated() {
      depends[index] = node.inputs.contains {
        switch $0 {
        case .field(let number): number == field
        case .node(let producer): depends[producer]
        }
      }
      // Reshapes are no steps.
      guard !node.layer.isReshape else { continue }
      if depends[index] { dependent.append(step) }
      step += 1
    }
    return dependent
  }
}
