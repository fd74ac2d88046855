import Configuration
import JSON
import Tensors

/// An earlier point, as samplers see it.
package struct Observation: Sendable {
  package let assignment: Assignment
  /// The rung of `cost`; nil for a point without results yet.
  package let rung: Int?
  /// Smaller is better; infinite where the point failed.
  package let cost: Double

  package init(_ assignment: Assignment, rung: Int?, cost: Double) {
    self.assignment = assignment
    self.rung = rung
    self.cost = cost
  }
}

/// Chooses points. A choice is a function of the numbers and observations alone: samplers have no state.
package protocol Sampler: Sendable {
  /// Whether points are drawn at random. Otherwise the sampler goes through all points of a finite space.
  static var isRandom: Bool { get }

  /// The first points, which do not depend on results; nil where no point does.
  var startup: Int? { get }

  /// Reads the settings of the sampler, if it has any.
  static func maker(from reader: SettingsReader) throws(ConfigurationError) -> SearchMethod.SamplerMaker

  /// The `attempt`-th proposal for point `number`: a later one is asked for where the earlier ones are known already.
  ///
  /// - Returns: nil where the space is used up.
  func propose(number: Int, attempt: Int, observations: [Observation]) -> Assignment?
}

extension Sampler {
  package static var isRandom: Bool { true }
  package var startup: Int? { nil }
}

/// Every point of a finite space.
package struct GridSampler: Sampler {
  private let points: [Assignment]

  package static var isRandom: Bool { false }

  package static func maker(from reader: SettingsReader) -> SearchMethod.SamplerMaker {
    { GridSampler($0.space, isShuffled: $0.isShuffled) }
  }

  /// - Parameter isShuffled: whether points come in a random order. In the order of the grid, a rule of early
  ///   termination would compare neighbors only.
  package init(_ space: SearchSpace, isShuffled: Bool = false) {
    let points = space.grid(most: SearchSpace.mostGridPoints) ?? []
    guard isShuffled, points.count > 1 else {
      self.points = points
      return
    }
    let order = RandomStream(seed: 1, purpose: .search).permutation(of: points.count)
    self.points = points.indices.map { points[order[$0]] }
  }

  package func propose(number: Int, attempt: Int, observations: [Observation]) -> Assignment? {
    // A point with the same trials as an earlier one is replaced by the next.
    let place = number + attempt
    return points.indices.contains(place) ? points[place] : nil
  }
}

/// Values drawn independently of one another and of earlier points (Bergstra and Bengio 2012).
package struct RandomSampler: Sampler {
  private let space: SearchSpace
  private let seed: UInt64

  package static func maker(from reader: SettingsReader) -> SearchMethod.SamplerMaker {
    { RandomSampler($0.space, seed: $0.seed) }
  }

  package init(_ space: SearchSpace, seed: UInt64) {
    self.space = space
    self.seed = seed
  }

  package func propose(number: Int, attempt: Int, observations: [Observation]) -> Assignment? {
    let random = ProposalRandom(seed: seed, number: number, attempt: attempt)
    return space.assignment { index, parameter in
      parameter.domain.value(uniform: random.uniform(parameter: index, draw: 0))
    }
  }
}

/// The random numbers of one proposal.
package struct ProposalRandom: Sendable {
  private let seed: UInt64
  private let number: Int
  private let attempt: Int

  /// Draws, of two words each, of one proposal and parameter.
  private static let drawsPerAttempt = 1 << 12

  package init(seed: UInt64, number: Int, attempt: Int) {
    self.seed = seed
    self.number = number
    self.attempt = attempt
  }

  /// Uniform in (0, 1), 53 bits.
  package func uniform(parameter: Int, draw: Int) -> Double {
    let stream = RandomStream(seed: seed, purpose: .search, step: number, stream: parameter)
    let words = stream.words(block: attempt * Self.drawsPerAttempt + draw)
    let bits = UInt64(words[0]) << 21 ^ UInt64(words[1] >> 11)
    return (Double(bits) + 0.5) * 0x1p-53
  }
}

extension SearchParameter.Domain {
  /// The value at a share (0...1) of the domain, so that a uniform share gives a uniform value.
  func value(uniform: Double) -> JSON {
    switch self {
    case .values(let values): values[min(Int(uniform * Double(values.count)), values.count - 1)]
    case .numbers: value(at: bounds.low + uniform * (bounds.high - bounds.low))
    }
  }
}
