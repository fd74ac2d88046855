import Glibc

/// The loss of a short run against its growing learning rate, and the suggested rate.
///
/// Smith 2017, "Cyclical learning rates for training neural networks", section 3.3. The suggested rate is where the
/// loss falls fastest over the logarithm of the rate, before it is lowest; losses are averaged over neighbors, and a
/// slope is that of the straight line through a window of them.
package struct RateCurve: Sendable {
  package struct Point: Sendable, Equatable {
    package let rate: Double
    package let loss: Double

    package init(rate: Double, loss: Double) {
      self.rate = rate
      self.loss = loss
    }
  }

  package enum Ending: Equatable, Sendable {
    /// The run reached the last rate.
    case complete
    /// The loss grew too far, or was not finite, at this rate.
    case diverged(rate: Double)
  }

  package let points: [Point]
  package let ending: Ending
  /// Mean over neighbors, point by point.
  package let smoothed: [Double]
  /// The place of the suggested rate; nil where the loss falls nowhere.
  package let steepest: Int?
  /// The place of the lowest smoothed loss.
  package let lowest: Int?

  /// Means and slopes cover this part of the points to either side.
  private static let reach = 0.04
  private static let leastReach = 3
  /// The least slope that counts: a fall by this part of the first loss over a factor of e in the rate.
  private static let leastFall = 0.005
  /// The fall must also be this many standard errors: the noise of batches has falls too.
  private static let leastErrors = 4.0

  package var suggested: Double? { steepest.map { points[$0].rate } }

  /// - Parameter points: in the order of their rates; all losses are finite.
  package init(_ points: [Point], ending: Ending) {
    self.points = points
    self.ending = ending
    let reach = max(Self.leastReach, Int(Double(points.count) * Self.reach))
    let smoothed = points.indices.map { center in
      let near = min(reach, center, points.count - 1 - center)
      let window = points[center - near...center + near]
      return window.reduce(0) { $0 + $1.loss } / Double(window.count)
    }
    let lowest = smoothed.indices.min { smoothed[$0] < smoothed[$1] }
    var best: (place: Int, slope: Double)?
    let first = smoothed.first ?? 0
    for center in points.indices where center >= reach && center + reach < points.count && center <= lowest ?? 0 {
      let (slope, error) = Self.slope(Array(points[center - reach...center + reach]))
      if slope < -Self.leastErrors * error, slope < best?.slope ?? (-Self.leastFall * abs(first)) {
        best = (center, slope)
      }
    }
    self.smoothed = smoothed
    self.lowest = lowest
    steepest = best?.place
  }

  /// The slope of the least-squares line through losses over the logarithms of rates, with its standard error.
  private static func slope(_ points: [Point]) -> (slope: Double, error: Double) {
    let count = Double(points.count)
    let x = points.map { log($0.rate) }
    let meanX = x.reduce(0, +) / count
    let meanY = points.reduce(0) { $0 + $1.loss } / count
    var above = 0.0
    var below = 0.0
    for (x, point) in zip(x, points) {
      above += (x - meanX) * (point.loss - meanY)
      below += (x - meanX) * (x - meanX)
    }
    guard below > 0, count > 2 else { return (0, 0) }
    let slope = above / below
    let residuals = zip(x, points).reduce(0) { sum, pair in
      let difference = pair.1.loss - meanY - slope * (pair.0 - meanX)
      return sum + difference * difference
    }
    return (slope, (residuals / (count - 2) / below).squareRoot())
  }
}

/// Detects from the losses so far that a rate is too high.
package struct DivergenceWatch: Sendable {
  private var average = 0.0
  private var weight = 0.0
  private var lowest = Double.infinity

  /// Decay of the exponential average: fastai's rule, with its factor of 4, but with a shorter memory.
  private static let memory = 0.9
  private static let factor = 4.0
  /// Growth is measured against at least this much, because losses may begin near 0 or below it.
  private static let leastScale = 1e-3

  package init() {}

  /// - Returns: whether the loss has grown too far.
  package mutating func diverges(after loss: Double) -> Bool {
    guard loss.isFinite else { return true }
    average = Self.memory * average + (1 - Self.memory) * loss
    weight = Self.memory * weight + (1 - Self.memory)
    let mean = average / weight
    lowest = min(lowest, mean)
    return mean > lowest + (Self.factor - 1) * max(abs(lowest), Self.leastScale)
  }
}
