/// A curve of one measure over the steps of a run, thinned for drawing.
package struct Curve: Equatable, Sendable {
  /// Steps.
  package var x: [Double] = []
  package var y: [Double] = []
}

/// Ways to thin a series, each with at most `buckets` ranges of neighbors.
extension Curve {
  /// The smallest and the largest value of every bucket, in order: drawn, it looks the same as all points.
  package static func extremes(_ steps: [Int], _ values: [Double], buckets: Int) -> Curve {
    guard values.count > 2 * buckets else { return Curve(x: steps.map { Double($0) }, y: values) }
    var curve = Curve()
    forEachBucket(of: values.count, buckets) { range in
      var low = range.lowerBound
      var high = range.lowerBound
      for index in range {
        if values[index] < values[low] || !values[low].isFinite { low = index }
        if values[index] > values[high] || !values[high].isFinite { high = index }
      }
      for index in low == high ? [low] : [min(low, high), max(low, high)] {
        curve.x.append(Double(steps[index]))
        curve.y.append(values[index])
      }
    }
    return curve
  }

  /// The mean of the finite values of every bucket at its middle step; NaN where there is none.
  package static func means(_ steps: [Int], _ values: [Double], buckets: Int) -> Curve {
    var curve = Curve()
    forEachBucket(of: values.count, buckets) { range in
      let finite = values[range].filter(\.isFinite)
      curve.x.append(Double(steps[(range.lowerBound + range.upperBound - 1) / 2]))
      curve.y.append(finite.isEmpty ? .nan : finite.reduce(0, +) / Double(finite.count))
    }
    return curve
  }

  /// The mean over `radius` neighbors to either side, sampled at the middle of every bucket.
  package static func smoothed(_ steps: [Int], _ values: [Double], radius: Int, buckets: Int) -> Curve {
    var sums = [0.0]
    var counts = [0]
    for value in values {
      sums.append((sums.last ?? 0) + (value.isFinite ? value : 0))
      counts.append((counts.last ?? 0) + (value.isFinite ? 1 : 0))
    }
    var curve = Curve()
    func sample(_ index: Int) {
      // The window shrinks towards the ends and stays centered, so that a slope is not flattened there.
      let reach = min(radius, index, values.count - 1 - index)
      let count = counts[index + reach + 1] - counts[index - reach]
      curve.x.append(Double(steps[index]))
      curve.y.append(count == 0 ? .nan : (sums[index + reach + 1] - sums[index - reach]) / Double(count))
    }
    forEachBucket(of: values.count, buckets) { range in
      sample(range.upperBound == values.count ? values.count - 1 : (range.lowerBound + range.upperBound - 1) / 2)
    }
    return curve
  }

  /// Cuts `count` positions into at most `buckets` ranges of nearly equal length.
  package static func forEachBucket(of count: Int, _ buckets: Int, _ body: (Range<Int>) -> Void) {
    let used = min(count, buckets)
    for bucket in 0..<max(used, 0) {
      body(bucket * count / used..<(bucket + 1) * count / used)
    }
  }
}
