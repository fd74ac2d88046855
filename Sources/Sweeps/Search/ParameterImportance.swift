import JSON
import Tensors

/// The share of the metric's variance over the space that each parameter explains by itself: functional analysis of
/// variance on a forest of regression trees (Hutter, Hoos and Leyton-Brown, "An Efficient Approach for Assessing
/// Hyperparameter Importance", 2014).
///
/// A tree is a piecewise constant function over boxes, so the mean over all other parameters, as a function of one, is
/// known exactly, and so is its variance. The rest is due to interactions.
package struct ParameterImportance: Sendable {
  /// Shares of the variance, in the order of the space; together at most about 1.
  package let shares: [(path: String, share: Double)]
  /// The share that no single parameter explains.
  package var interactions: Double { max(0, 1 - shares.reduce(0) { $0 + $1.share }) }

  private static let treeCount = 64
  /// Fewer points are too few to judge.
  package static let fewestPoints = 4

  /// - Parameter points: assignments with the mean of the metric, all finite.
  /// - Returns: nil for too few points, or equal values.
  package init?(_ space: SearchSpace, _ points: [(assignment: Assignment, value: Double)]) {
    guard points.count >= Self.fewestPoints, points.contains(where: { $0.value != points[0].value }) else { return nil }
    let dimensions = space.parameters.map { entry -> RegressionTree.Dimension in
      // An inactive parameter counts as one more category, or as the middle of a range.
      if case .values(let values) = entry.parameter.domain { .categories(values.count + 1) } else { .number }
    }
    let samples = points.map { point in
      space.parameters.map { entry -> Double in
        let value = point.assignment.first { $0.path == entry.path }?.value
        let at = value.flatMap { entry.parameter.domain.coordinate($0) }
        if case .values(let values) = entry.parameter.domain { return at ?? Double(values.count) }
        let bounds = entry.parameter.domain.bounds
        return at.map { ($0 - bounds.low) / (bounds.high - bounds.low) } ?? 0.5
      }
    }
    let weights = space.parameters.map { entry in
      Self.weights(entry.parameter.domain, isAlwaysActive: entry.parameter.conditions.isEmpty)
    }
    var sums = [Double](repeating: 0, count: dimensions.count)
    var counted = 0
    for number in 0..<Self.treeCount {
      // A sample of the points with replacement for each tree.
      let stream = RandomStream(seed: 1, purpose: .search, step: number)
      let drawn = points.indices.map { stream.integer($0, below: points.count) }
      let tree = RegressionTree(dimensions, samples: drawn.map { samples[$0] }, values: drawn.map { points[$0].value })
      guard let variances = Self.variances(tree, weights) else { continue }
      for index in sums.indices { sums[index] += variances[index] }
      counted += 1
    }
    guard counted > 0 else { return nil }
    shares = zip(space.parameters, sums).map { ($0.path, $1 / Double(counted)) }
  }

  /// The weight of each category, the last for an inactive parameter; empty for a range.
  private static func weights(_ domain: SearchParameter.Domain, isAlwaysActive: Bool) -> [Double] {
    guard case .values(let values) = domain else { return [] }
    return values.map { _ in 1 } + [isAlwaysActive ? 0 : 1]
  }

  /// Each dimension's share of a tree's variance; nil for a tree of one leaf.
  private static func variances(_ tree: RegressionTree, _ weights: [[Double]]) -> [Double]? {
    func share(_ side: RegressionTree.Side, _ dimension: Int) -> Double {
      let inside: [Bool]
      switch side {
      case .range(let low, let high): return high - low
      case .categories(let categories): inside = categories
      }
      let total = weights[dimension].reduce(0, +)
      return inside.indices.reduce(0) { $0 + (inside[$1] ? weights[dimension][$1] : 0) } / total
    }
    let shares = tree.leaves.map { leaf in leaf.sides.indices.map { share(leaf.sides[$0], $0) } }
    func volume(_ leaf: Int, without left: Int? = nil) -> Double {
      shares[leaf].indices.reduce(1) { $0 * ($1 == left ? 1 : shares[leaf][$1]) }
    }
    let mean = tree.leaves.indices.reduce(0) { $0 + volume($1) * tree.leaves[$1].value }
    let variance = tree.leaves.indices.reduce(0) { sum, leaf in
      let away = tree.leaves[leaf].value - mean
      return sum + volume(leaf) * away * away
    }
    guard variance > 0 else { return nil }
    return weights.indices.map { dimension in
      var explained = 0.0
      for piece in pieces(tree, dimension, weights[dimension]) {
        var marginal = 0.0
        for (number, leaf) in tree.leaves.enumerated() where covers(leaf.sides[dimension], piece.at) {
          marginal += volume(number, without: dimension) * leaf.value
        }
        explained += piece.size * (marginal - mean) * (marginal - mean)
      }
      return explained / variance
    }
  }

  /// The parts of a dimension in which no leaf begins or ends.
  private static func pieces(
    _ tree: RegressionTree, _ dimension: Int, _ weights: [Double]
  ) -> [(at: Double, size: Double)] {
    guard weights.isEmpty else {
      let total = weights.reduce(0, +)
      return weights.indices.map { (Double($0), weights[$0] / total) }
    }
    var ends: Set<Double> = []
    for leaf in tree.leaves {
      if case .range(let low, let high) = leaf.sides[dimension] { ends.formUnion([low, high]) }
    }
    let sorted = ends.sorted()
    return zip(sorted, sorted.dropFirst()).map { (($0 + $1) / 2, $1 - $0) }
  }

  private static func covers(_ side: RegressionTree.Side, _ at: Double) -> Bool {
    switch side {
    case .range(let low, let high): at >= low && at < high
    case .categories(let inside): inside[Int(at)]
    }
  }
}
