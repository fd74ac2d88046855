import Foundation

/// How fast an image turns into noise: β by step, and the remaining share ᾱ of the image.
///
///     x_t = √ᾱ_t·x₀ + √(1 − ᾱ_t)·ε,    ᾱ_t = Π_{s ≤ t} (1 − β_s),    ε ~ N(0, 1)
///
/// Steps are counted from 0, as PyTorch's users do: t here is t + 1 in the papers.
package struct NoiseSchedule: Sendable {
  package enum Kind: String, CaseIterable, Sendable {
    /// β from 1e-4 to 0.02 over 1,000 steps (Ho et al. 2020, arXiv:2006.11239); of fewer steps each is larger in
    /// proportion.
    case linear
    /// ᾱ is a squared cosine (Nichol and Dhariwal 2021, arXiv:2102.09672, with their offset 0.008).
    case cosine
    /// ᾱ is a logistic function from −3 to 3 (Jabri et al. 2022, arXiv:2212.11972, with their defaults).
    case sigmoid
  }

  package let kind: Kind
  package let betas: [Double]
  /// ᾱ by step.
  package let cumulative: [Double]

  package var steps: Int { betas.count }

  /// No step takes more of an image than this (Nichol and Dhariwal 2021); otherwise the last could not be undone.
  private static let largestBeta = 0.999

  package init(_ kind: Kind, steps: Int) {
    precondition(steps > 0)
    self.kind = kind
    betas = Self.betas(kind, steps: steps)
    var left = 1.0
    cumulative = betas.map { beta in
      left *= 1 - beta
      return left
    }
  }

  private static func betas(_ kind: Kind, steps: Int) -> [Double] {
    if kind == .linear {
      let scale = 1000 / Double(steps)
      return (0..<steps).map { step in
        let share = steps == 1 ? 1 : Double(step) / Double(steps - 1)
        return min(scale * (1e-4 + share * (0.02 - 1e-4)), largestBeta)
      }
    }
    return (0..<steps).map { step in
      let (before, after) = (Double(step) / Double(steps), Double(step + 1) / Double(steps))
      return min(max(1 - remainder(kind, at: after) / remainder(kind, at: before), 0), largestBeta)
    }
  }

  /// ᾱ as a function of time 0...1, up to a factor.
  private static func remainder(_ kind: Kind, at time: Double) -> Double {
    switch kind {
    case .linear: preconditionFailure("linear in β, not in closed form")
    case .cosine:
      let root = cos((time + 0.008) / 1.008 * .pi / 2)
      return root * root
    case .sigmoid:
      func logistic(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
      return logistic(3) - logistic(6 * time - 3)
    }
  }

  /// √ᾱ_t: the share of the image.
  package func signal(_ step: Int) -> Double { cumulative[step].squareRoot() }
  /// √(1 − ᾱ_t): the deviation of the noise.
  package func noise(_ step: Int) -> Double { (1 - cumulative[step]).squareRoot() }
  /// ᾱ_t / (1 − ᾱ_t).
  package func signalToNoise(_ step: Int) -> Double { cumulative[step] / (1 - cumulative[step]) }
}
