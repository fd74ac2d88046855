import Configuration
import Foundation
import JSON

/// The "tpe" object of a sweep file.
package struct TPESettings: Settings {
  /// The first points, drawn at random.
  package let startup: Int
  /// Proposals, of which the most promising is taken.
  package let candidates: Int
  /// The share of points that count as good.
  package let gamma: Double

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    startup = try reader.integer("startup", default: 10, in: 1...100_000, "the first points, drawn at random")
    candidates = try reader.integer("candidates", default: 24, in: 1...1000, "proposals, of which the best is taken")
    gamma = try reader.number("gamma", default: 0.1, in: 0...0.5, above: true, "the share of points that count as good")
  }

  package init(startup: Int = 10, candidates: Int = 24, gamma: Double = 0.1) {
    self.startup = startup
    self.candidates = candidates
    self.gamma = gamma
  }
}

/// The tree-structured Parzen estimator (Bergstra et al., "Algorithms for Hyper-Parameter Optimization", 2011), with
/// kernels over all parameters at once (Falkner et al., "BOHB", 2018).
///
/// The points so far are split into the good ones (the share `gamma`, at most 25) and the rest. Each group gives a
/// density, l and g: a mixture of a kernel per point and the uniform prior. Of candidates from l, the one with the
/// largest l / g, the greatest expected improvement, is taken. Points of different rungs compare by rung first. Running
/// points count as bad, so that several workers do not all choose the same.
package struct TPESampler: Sampler {
  private let space: SearchSpace
  private let settings: TPESettings
  private let seed: UInt64

  private static let mostGood = 25

  package var startup: Int? { settings.startup }

  package static func maker(
    from reader: SettingsReader
  ) throws(ConfigurationError) -> SearchMethod.SamplerMaker {
    let settings = try reader.optionalObject(
      "tpe", TPESettings.self, "settings of the tree-structured Parzen estimator")
    return { TPESampler($0.space, settings ?? TPESettings(), seed: $0.seed) }
  }

  package init(_ space: SearchSpace, _ settings: TPESettings, seed: UInt64) {
    self.space = space
    self.settings = settings
    self.seed = seed
  }

  package func propose(number: Int, attempt: Int, observations: [Observation]) -> Assignment? {
    let judged = observations.filter { $0.rung != nil }
    guard number >= settings.startup, judged.count >= min(settings.startup, 2) else {
      return RandomSampler(space, seed: seed).propose(number: number, attempt: attempt, observations: [])
    }
    let order = judged.indices.sorted { a, b in
      let (x, y) = (judged[a], judged[b])
      return (-(x.rung ?? 0), x.cost, a) < (-(y.rung ?? 0), y.cost, b)
    }
    let goodCount = min(max(1, Int((settings.gamma * Double(judged.count)).rounded(.up))), Self.mostGood)
    let good = ParzenEstimator(space, order.prefix(goodCount).map { judged[$0].assignment })
    let bad = ParzenEstimator(
      space,
      order.dropFirst(goodCount).map { judged[$0].assignment }
        + observations.filter { $0.rung == nil }.map(\.assignment))
    let random = ProposalRandom(seed: seed, number: number, attempt: attempt)
    var best: (score: Double, assignment: Assignment)?
    for candidate in 0..<settings.candidates {
      let assignment = good.draw(random, candidate: candidate)
      let place = good.place(assignment)
      let score = good.logDensity(place) - bad.logDensity(place)
      if score > best?.score ?? -.infinity { best = (score, assignment) }
    }
    return best?.assignment
  }
}

/// A density over a space: the mean of a kernel around each of some points, and of the uniform prior.
struct ParzenEstimator {
  /// A point's place on each parameter's scale from 0 to 1, or a categorical value's number; nil for an inactive
  /// parameter.
  typealias Place = [Double?]

  private let space: SearchSpace
  private let domains: [SearchParameter.Domain]
  private let centers: [Place]
  private let width: Double
  /// The logarithm of each center's kernel at its highest point.
  private let peaks: [[Double]]

  /// The width for one point, which Scott's rule then narrows.
  private static let widthOfOne = 0.2
  private static let narrowest = 0.01

  init(_ space: SearchSpace, _ assignments: [Assignment]) {
    self.space = space
    domains = space.parameters.map(\.parameter.domain)
    let dimensions = Double(max(1, domains.count))
    width = max(Self.narrowest, Self.widthOfOne * pow(Double(max(1, assignments.count)), -1 / (dimensions + 4)))
    let paths = space.parameters.map(\.path)
    let domains = domains
    let width = width
    let centers = assignments.map { Self.place($0, paths, domains) }
    self.centers = centers
    peaks = centers.map { center in
      zip(center, domains).map { middle, domain in
        guard let middle else { return 0 }
        if case .values(let values) = domain {
          return log(Self.weight(true, of: values.count, width) * Double(values.count))
        }
        let mass = Self.cumulative((1 - middle) / width) - Self.cumulative(-middle / width)
        return -log(width * (2 * .pi).squareRoot() * mass)
      }
    }
  }

  func place(_ assignment: Assignment) -> Place { Self.place(assignment, space.parameters.map(\.path), domains) }

  private static func place(_ assignment: Assignment, _ paths: [String], _ domains: [SearchParameter.Domain]) -> Place {
    zip(paths, domains).map { path, domain in
      guard let value = assignment.first(where: { $0.path == path })?.value, let at = domain.coordinate(value) else {
        return nil
      }
      if case .values = domain { return at }
      let bounds = domain.bounds
      return (at - bounds.low) / (bounds.high - bounds.low)
    }
  }

  /// A point from the mixture: around one of the centers, or from the prior.
  func draw(_ random: ProposalRandom, candidate: Int) -> Assignment {
    // The number after the last parameter's draws the center.
    let choice = Int(random.uniform(parameter: domains.count, draw: candidate) * Double(centers.count + 1))
    return space.assignment { index, parameter in
      let uniform = random.uniform(parameter: index, draw: candidate)
      guard choice < centers.count, let center = centers[choice][index] else {
        return parameter.domain.value(uniform: uniform)
      }
      switch parameter.domain {
      case .values(let values): return values[Self.category(uniform, center: Int(center), of: values.count, width)]
      case .numbers:
        let bounds = parameter.domain.bounds
        let at = Self.truncatedNormal(uniform, center: center, width)
        return parameter.domain.value(at: bounds.low + at * (bounds.high - bounds.low))
      }
    }
  }

  func logDensity(_ place: Place) -> Double {
    let prior = 0.0
    let kernels =
      [prior]
      + zip(centers, peaks).map { center, peaks -> Double in
        var sum = 0.0
        for index in domains.indices {
          // A center without the parameter has the density of the prior.
          guard let at = place[index], let middle = center[index] else { continue }
          sum += peaks[index]
          guard at != middle else { continue }
          if case .values(let values) = domains[index] {
            sum += log(Self.weight(false, of: values.count, width) / Self.weight(true, of: values.count, width))
          } else {
            let z = (at - middle) / width
            sum -= 0.5 * z * z
          }
        }
        return sum
      }
    let highest = kernels.max() ?? 0
    let sum = kernels.reduce(0.0) { $0 + exp($1 - highest) }
    return highest + log(sum / Double(kernels.count))
  }

  /// A kernel over categories (Aitchison and Aitken 1976): the center has most weight, the others share the rest.
  private static func weight(_ isCenter: Bool, of count: Int, _ width: Double) -> Double {
    guard count > 1 else { return 1 }
    let spread = width * Double(count - 1) / Double(count)
    return isCenter ? 1 - spread : spread / Double(count - 1)
  }

  private static func category(_ uniform: Double, center: Int, of count: Int, _ width: Double) -> Int {
    guard count > 1 else { return 0 }
    let own = weight(true, of: count, width)
    if uniform < own { return center }
    let other = min(Int((uniform - own) / (1 - own) * Double(count - 1)), count - 2)
    return other < center ? other : other + 1
  }

  /// A normal number around `center` within 0...1, by bisection of its distribution function.
  private static func truncatedNormal(_ uniform: Double, center: Double, _ width: Double) -> Double {
    let low = cumulative(-center / width)
    let high = cumulative((1 - center) / width)
    let target = low + uniform * (high - low)
    var range = (low: 0.0, high: 1.0)
    for _ in 0..<40 {
      let middle = (range.low + range.high) / 2
      if cumulative((middle - center) / width) < target { range.low = middle } else { range.high = middle }
    }
    return (range.low + range.high) / 2
  }

  /// The standard normal distribution function.
  private static func cumulative(_ z: Double) -> Double { 0.5 * erfc(-z / 2.0.squareRoot()) }
}
