import Foundation
import Runs
import Tensors

/// How the next token is chosen among those that may come.
package struct SamplingSettings: Sendable, Equatable {
  /// What scores are divided by: below 1 the likely become likelier. Nil takes the likeliest token (greedy).
  package var temperature: Double? = 0.8
  /// Only so many of the likeliest tokens can come; nil for all.
  package var topK: Int? = 200
  /// Only the likeliest tokens can come that together have this probability: the nucleus of Holtzman et al. 2020.
  package var topP: Double?
  /// See `LogitRow.penalize`; 1 changes nothing.
  package var repetitionPenalty = 1.0
  package var seed: UInt64 = 1337

  package init() {}

  package static var greedy: SamplingSettings {
    var settings = SamplingSettings()
    settings.temperature = nil
    settings.topK = nil
    return settings
  }
}

/// Chooses tokens: first the repetition penalty, then temperature, top-k and top-p, then a draw.
///
/// Draws are a pure function of (seed, sample, place in the sample): neither other samples nor rows have a part in them.
package struct TokenSampler: Sendable {
  package let settings: SamplingSettings

  package init(_ settings: SamplingSettings) { self.settings = settings }

  /// - Parameters:
  ///   - logits: (vocabulary).
  ///   - seen: the tokens that have occurred; looked at for the repetition penalty only.
  ///   - sample: the sample's number.
  ///   - index: tokens drawn for this sample before.
  package func token(
    _ logits: ArraySlice<Float>, seen: Set<Int32> = [], sample: Int, index: Int
  ) throws(RunError) -> Int32 {
    var row = try LogitRow(logits)
    if settings.repetitionPenalty != 1 { row.penalize(seen, by: Float(settings.repetitionPenalty)) }
    guard let temperature = settings.temperature else { return Int32(row.best) }
    let sorted = settings.topK ?? (settings.topP == nil ? nil : row.values.count)
    var candidates = sorted.map(row.best) ?? row.values.indices.filter { row.values[$0] > -.infinity }
    let largest = Double(row.values[row.best])
    var weights = candidates.map { exp((Double(row.values[$0]) - largest) / temperature) }
    if let topP = settings.topP {
      let count = Self.nucleus(weights, share: topP)
      candidates.removeLast(candidates.count - count)
      weights.removeLast(weights.count - count)
    }
    let point = uniform(sample, index) * weights.reduce(0, +)
    var sum = 0.0
    for (token, weight) in zip(candidates, weights) {
      sum += weight
      if point < sum { return Int32(token) }
    }
    // Rounding can leave the point at the very end.
    return Int32(candidates[weights.lastIndex { $0 > 0 } ?? 0])
  }

  /// How many of the weights, which descend, reach a share of their sum.
  private static func nucleus(_ weights: [Double], share: Double) -> Int {
    let wanted = share * weights.reduce(0, +)
    var sum = 0.0
    for (index, weight) in weights.enumerated() {
      sum += weight
      if sum >= wanted { return index + 1 }
    }
    return weights.count
  }

  /// Uniform in [0, 1): 53 random bits.
  private func uniform(_ sample: Int, _ index: Int) -> Double {
    let words = RandomStream(seed: settings.seed, purpose: .sampling, step: index, stream: sample).words(block: 0)
    return Double((UInt64(words.x) << 32 | UInt64(words.y)) >> 11) * 0x1p-53
  }
}
