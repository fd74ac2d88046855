import Foundation
import Runs
import Tensors

/// The settings with which the next token is chosen.
package struct SamplingSettings: Sendable, Equatable {
  /// The divisor of scores: below 1 likely tokens become likelier. Nil takes the likeliest token (greedy).
  package var temperature: Double? = 0.8
  /// The number of likeliest tokens to choose from; nil for all.
  package var topK: Int? = 200
  /// The probability of the likeliest tokens to choose from: the nucleus of Holtzman et al. 2020.
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
/// Draws are a pure function of (seed, sample, place in the sample), whatever the other samples and rows.
package struct TokenSampler: Sendable {
  package let settings: SamplingSettings

  package init(_ settings: SamplingSettings) { self.settings = settings }

  /// - Parameters:
  ///   - logits: (vocabulary).
  ///   - seen: earlier tokens, for the repetition penalty.
  ///   - sample: the sample's number.
  ///   - index: the number of tokens drawn for this sample before.
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
    // Rounding can put the point at the end.
    return Int32(candidates[weights.lastIndex { $0 > 0 } ?? 0])
  }

  /// The number of first weights, in descending order, that reach a share of their sum.
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
