import Glibc

/// The weight tensors of a run by depth: the layers of the gradient-flow verdict and of the report.
package struct WeightLayers {
  /// Depths that hold a weight, ascending.
  package let depths: [Int]
  /// A name for each depth: its first weight's, and the number of others.
  package let names: [String]
  /// For each depth, the indices of its weights in the tensor list.
  private let members: [[Int]]
  /// For each depth, the number of weight elements.
  private let elements: [Double]

  package init(_ tensors: [TensorDescription]) {
    var groups: [Int: [Int]] = [:]
    for (index, tensor) in tensors.enumerated() where tensor.isWeight && tensor.elementCount > 0 {
      groups[tensor.depth, default: []].append(index)
    }
    depths = groups.keys.sorted()
    members = depths.map { groups[$0] ?? [] }
    elements = members.map { $0.reduce(0) { $0 + Double(tensors[$1].elementCount) } }
    names = members.map { group in
      let name = group.first.map { tensors[$0].name } ?? ""
      return group.count > 1 ? "\(name) +\(group.count - 1)" : name
    }
  }

  /// log10 of the root mean square of the layer's gradient, clamped below at `GradientFlow.smallest`; not finite where
  /// the gradient is not.
  package func log10GradientRMS(_ layer: Int, _ record: NormsRecord) -> Double {
    let squares = members[layer].reduce(0.0) { sum, index in
      let norm = Double(record.tensors[index].gradientL2)
      return record.tensors[index].gradientNonfinite > 0 ? .nan : sum + norm * norm
    }
    return log10(max((squares / elements[layer]).squareRoot(), GradientFlow.smallest))
  }

  /// L2 norm of the layer's update over the L2 norm of its parameters; NaN where the parameters are zero.
  package func updateRatio(_ layer: Int, _ record: NormsRecord) -> Double {
    var update = 0.0
    var parameter = 0.0
    for index in members[layer] {
      let tensor = record.tensors[index]
      update += Double(tensor.updateL2) * Double(tensor.updateL2)
      parameter += Double(tensor.parameterL2) * Double(tensor.parameterL2)
    }
    return parameter > 0 ? (update / parameter).squareRoot() : .nan
  }
}
