/// A tree that splits a space of numbers (0...1) and categories into boxes, each with the mean of the samples in it
/// (Breiman et al. 1984): splits reduce the variance until a box holds one value.
struct RegressionTree {
  enum Dimension: Sendable, Equatable {
    case number
    case categories(Int)
  }

  /// A side of a box.
  enum Side: Equatable {
    case range(low: Double, high: Double)
    /// For each category, whether it is inside.
    case categories([Bool])
  }

  struct Leaf {
    let sides: [Side]
    let value: Double
  }

  private(set) var leaves: [Leaf] = []

  init(_ dimensions: [Dimension], samples: [[Double]], values: [Double]) {
    let whole = dimensions.map { dimension -> Side in
      switch dimension {
      case .number: .range(low: 0, high: 1)
      case .categories(let count): .categories(Array(repeating: true, count: count))
      }
    }
    grow(whole, Array(samples.indices), samples, values)
  }

  private mutating func grow(_ sides: [Side], _ members: [Int], _ samples: [[Double]], _ values: [Double]) {
    guard let split = Self.bestSplit(sides, members, samples, values) else {
      let mean = members.reduce(0) { $0 + values[$1] } / Double(max(1, members.count))
      leaves.append(Leaf(sides: sides, value: mean))
      return
    }
    for (side, inside) in [(split.first, true), (split.second, false)] {
      var box = sides
      box[split.dimension] = side
      let part = members.filter { Self.contains(split.first, samples[$0][split.dimension]) == inside }
      grow(box, part, samples, values)
    }
  }

  private struct Split {
    let dimension: Int
    let first: Side
    let second: Side
    let gain: Double
  }

  private static func bestSplit(
    _ sides: [Side], _ members: [Int], _ samples: [[Double]], _ values: [Double]
  ) -> Split? {
    guard let first = members.first, members.contains(where: { values[$0] != values[first] }) else { return nil }
    var best: Split?
    for (dimension, side) in sides.enumerated() {
      let split =
        switch side {
        case .range(let low, let high): numberSplit(dimension, low, high, members, samples, values)
        case .categories(let inside): categorySplit(dimension, inside, members, samples, values)
        }
      if let split, split.gain > best?.gain ?? 0 { best = split }
    }
    return best
  }

  /// The split between two neighbors with the least variance within the halves.
  private static func numberSplit(
    _ dimension: Int, _ low: Double, _ high: Double, _ members: [Int], _ samples: [[Double]], _ values: [Double]
  ) -> Split? {
    let order = members.sorted { samples[$0][dimension] < samples[$1][dimension] }
    var best: Split?
    for (place, gain) in gains(order.map { values[$0] }).enumerated() {
      let (a, b) = (samples[order[place]][dimension], samples[order[place + 1]][dimension])
      guard a < b, gain > best?.gain ?? 0 else { continue }
      let middle = (a + b) / 2
      best = Split(
        dimension: dimension, first: .range(low: low, high: middle), second: .range(low: middle, high: high), gain: gain
      )
    }
    return best
  }

  /// Categories in the order of their means: the best split is one of that order (Breiman et al. 1984, theorem 4.5).
  private static func categorySplit(
    _ dimension: Int, _ inside: [Bool], _ members: [Int], _ samples: [[Double]], _ values: [Double]
  ) -> Split? {
    let groups = Dictionary(grouping: members) { Int(samples[$0][dimension]) }
    let means = groups.mapValues { group in group.reduce(0) { $0 + values[$1] } / Double(group.count) }
    let order = groups.keys.sorted { (means[$0] ?? 0, $0) < (means[$1] ?? 0, $1) }
    let sorted = order.flatMap { groups[$0] ?? [] }
    let all = gains(sorted.map { values[$0] })
    var best: (gain: Double, count: Int)?
    var end = 0
    for (count, category) in order.dropLast().enumerated() {
      end += groups[category]?.count ?? 0
      if all[end - 1] > best?.gain ?? 0 { best = (all[end - 1], count + 1) }
    }
    guard let best else { return nil }
    // Categories without a sample join the larger part.
    let lower = Set(order.prefix(best.count))
    let upper = Set(order.dropFirst(best.count))
    let strays = lower.count > upper.count
    let first = inside.indices.map { inside[$0] && (lower.contains($0) || strays && !upper.contains($0)) }
    let second = inside.indices.map { inside[$0] && !first[$0] }
    return Split(dimension: dimension, first: .categories(first), second: .categories(second), gain: best.gain)
  }

  /// The reduction of the sum of squared deviations by each cut of a row of values.
  private static func gains(_ values: [Double]) -> [Double] {
    let total = values.reduce(0, +)
    let mean = total / Double(values.count)
    var sum = 0.0
    return values.dropLast().enumerated().map { place, value in
      sum += value
      let (left, right) = (Double(place + 1), Double(values.count - place - 1))
      let (a, b) = (sum / left - mean, (total - sum) / right - mean)
      return left * a * a + right * b * b
    }
  }

  private static func contains(_ side: Side, _ value: Double) -> Bool {
    switch side {
    case .range(let low, let high): value >= low && value < high
    case .categories(let inside): inside[Int(value)]
    }
  }
}
