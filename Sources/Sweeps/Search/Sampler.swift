import Configuration
import JSON
import Tensors

/// What a sampler knows of a point that was chosen before.
package struct Observation: Sendable {
  package let assignment: Assignment
  /// The rung of `cost`; nil for a point that has not been judged yet.
  package let rung: Int?
  /// Smaller is better; infinite where the point failed.
  package let cost: Double

  package init(_ assignment: Assignment, rung: Int?, cost: Double) {
    self.assignment = assignment
    self.rung = rung
    self.cost = cost
  }
}

/// Chooses points. What it chooses is a function of the numbers and observations alone: it has no state of its own.
package protocol Sampler: Sendable {
  /// The `attempt`-th proposal for point `number`: later ones are asked for where earlier ones are known already.
  ///
  /// - Returns: nil where the space is used up.
  func propose(number: Int, attempt: Int, observations: [Observation]) -> Assignment?
}

/// Every point of a finite space.
package struct GridSampler: Sampler {
  private let points: [Assignment]

  /// - Parameter isShuffled: whether points come in an order without order. A rule that lets some go on before it has seen all
  ///   would otherwise compare neighbours only.
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
    // What two points have in common with one another is one trial; the next takes its place.
    let place = number + attempt
    return points.indices.contains(place) ? points[place] : nil
  }
}

/// Values drawn independently of one another and of what came before (Bergstra and Bengio 2012).
package struct RandomSampler: Sampler {
  private let space: SearchSpace
  private let seed: UInt64

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

  /// Words of one proposal and parameter: draws of two words each.
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
  /// The value at a share of the domain, each as likely as any other.
  func value(uniform: Double) -> JSON {
    switch self {
    case .values(let values): values[min(Int(uniform * Double(values.count)), values.count - 1)]
    case .numbers: value(at: bounds.low + uniform * (bounds.high - bounds.low))
    }
  }
}

extension SweepDefinition {
  package var sampler: any Sampler {
    switch settings.method {
    case .grid: GridSampler(space, isShuffled: settings.termination != nil)
    case .random: RandomSampler(space, seed: settings.searchSeed)
    case .tpe: TPESampler(space, settings.tpe, seed: settings.searchSeed)
    }
  }
}
