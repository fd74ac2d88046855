import Foundation
import Runs

/// Searches for the likeliest continuations of a prompt, `width` at a time (Graves 2012; Sutskever et al. 2014, section
/// 3.2).
///
/// A beam that ends reduces the width of the search by one, so the search is over when `width` beams have ended or all
/// have the largest length. Width 1 is greedy decoding; a search that is wide enough compares all continuations.
/// Continuations of n tokens are ordered by score / lp(n) with lp(n) = ((5 + n)/6)^α (Wu et al. 2016, equation 14).
package struct BeamSearch {
  package struct Hypothesis: Sendable, Equatable {
    /// With the last token, which may have ended it.
    package let tokens: [Int32]
    /// Σ ln p.
    package let score: Double
    /// score / lp(n).
    package let normalizedScore: Double
    /// Whether it ended before the largest length.
    package let isEnded: Bool
  }

  private struct Beam {
    var tokens: [Int32]
    var score: Double
    /// The model's row that holds it.
    var row: Int
  }

  private struct Candidate {
    var score: Double
    /// The number of its live beam.
    var parent: Int
    /// The token's rank after its parent.
    var rank: Int
    var token: Int32
  }

  private let model: any TokenModel
  private let lengthPenalty: Double
  private let most: Int
  private let isEnd: ([Int32]) -> Bool
  private var width: Int { model.rows }

  /// - Parameters:
  ///   - model: with one row per beam.
  ///   - lengthPenalty: α; 0 compares plain sums, larger values favor longer texts.
  ///   - most: the most tokens of a continuation.
  ///   - isEnd: whether a continuation ends with its last token.
  package init(
    _ model: any TokenModel, lengthPenalty: Double, most: Int, isEnd: @escaping ([Int32]) -> Bool
  ) {
    self.model = model
    self.lengthPenalty = lengthPenalty
    self.most = most
    self.isEnd = isEnd
  }

  /// - Parameter prompt: at least one token and at most the model's context.
  /// - Returns: at most `width` continuations, the best first.
  package func run(prompt: [Int32]) throws(RunError) -> [Hypothesis] {
    precondition(!prompt.isEmpty)
    var window = ContextWindow(model)
    var logits = window.read([[Int32]](repeating: prompt, count: width))
    var live = [Beam(tokens: [], score: 0, row: 0)]
    var found: [Hypothesis] = []
    for length in 1...most {
      let chosen = try candidates(live, logits).prefix(width - found.count)
      var next: [Beam] = []
      for candidate in chosen {
        let parent = live[candidate.parent]
        let beam = Beam(tokens: parent.tokens + [candidate.token], score: candidate.score, row: parent.row)
        if isEnd(beam.tokens) { found.append(hypothesis(beam, isEnded: true)) } else { next.append(beam) }
      }
      live = next
      guard length < most, !live.isEmpty else { break }
      window.reorder(placeRows(&live))
      var tokens = [[Int32]](repeating: [0], count: width)
      for beam in live { tokens[beam.row] = beam.tokens.suffix(1) }
      logits = window.read(tokens)
    }
    found += live.map { hypothesis($0, isEnded: false) }
    return found.enumerated().sorted {
      ($1.element.normalizedScore, $0.offset) < ($0.element.normalizedScore, $1.offset)
    }.map(\.element)
  }

  private func hypothesis(_ beam: Beam, isEnded: Bool) -> Hypothesis {
    let penalty = pow((5 + Double(beam.tokens.count)) / 6, lengthPenalty)
    return Hypothesis(
      tokens: beam.tokens, score: beam.score, normalizedScore: beam.score / penalty, isEnded: isEnded)
  }

  /// The likeliest continuations by one token, best first; equal ones are in the order of beams, then of tokens.
  private func candidates(_ live: [Beam], _ logits: [Float]) throws(RunError) -> [Candidate] {
    var candidates: [Candidate] = []
    for (parent, beam) in live.enumerated() {
      let row = try LogitRow(logits[beam.row * model.vocabulary..<(beam.row + 1) * model.vocabulary])
      let logSum = row.logSum
      for (rank, token) in row.best(width).enumerated() {
        candidates.append(
          Candidate(
            score: beam.score + (Double(row.values[token]) - logSum), parent: parent, rank: rank, token: Int32(token)))
      }
    }
    return candidates.sorted { ($1.score, $0.parent, $0.rank) < ($0.score, $1.parent, $1.rank) }
  }

  /// Gives every beam its own row; one of a parent's children keeps the parent's row, so that little is copied.
  ///
  /// - Returns: for each row, the row to copy.
  private func placeRows(_ beams: inout [Beam]) -> [Int] {
    var order = Array(0..<width)
    var isTaken = [Bool](repeating: false, count: width)
    var homeless: [Int] = []
    for (index, beam) in beams.enumerated() {
      if isTaken[beam.row] { homeless.append(index) } else { isTaken[beam.row] = true }
    }
    var free = (0..<width).filter { !isTaken[$0] }.makeIterator()
    for index in homeless {
      guard let row = free.next() else { preconditionFailure("more beams than rows") }
      order[row] = beams[index].row
      beams[index].row = row
    }
    return order
  }
}
