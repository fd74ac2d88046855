import Data
import Foundation
import JSON
import Kernels
import Metrics
import Runs
import Tensors

/// The result of an evaluation of a split.
package struct SplitScore: Sendable, Equatable {
  /// The mean, over samples or, of a language model, over tokens.
  package let loss: Double
  /// nil where the loss knows none.
  package let accuracy: Double?
  /// What the mean is over: samples, or tokens.
  package let count: Int
  /// The share of answers without a mistake, of a model that answers a source sequence with another; nil of others.
  ///
  /// Every token is judged after the right ones before it, which is what greedy decoding sees as long as it makes no mistake:
  /// so it is also the share of answers that greedy decoding gets right.
  package let exactMatch: Double?
  /// The mean squared error of a denoiser by noise level, least noise first; nil where a level had no sample.
  package let noiseLevels: [Double?]?
  /// Whether the model predicts tokens.
  let isOfTokens: Bool

  package init(_ evaluation: Evaluation, of plan: RunPlan) {
    let sums = evaluation.total()
    loss = sums.mean
    accuracy = plan.hasAccuracy ? sums.accuracy : nil
    count = plan.judgedCount(sums, of: evaluation)
    exactMatch = plan.answersSequences ? sums.exactMatch : nil
    noiseLevels = evaluation.noiseLevels.map(Self.levels)
    isOfTokens = plan.predictsTokens
  }

  package init(_ record: ValidationRecord, of plan: RunPlan) {
    loss = Double(record.loss)
    accuracy = record.accuracy.map { Double($0) }
    count = record.count
    exactMatch = record.exactMatch.map { Double($0) }
    noiseLevels = record.noiseLevels.map(Self.levels)
    isOfTokens = plan.predictsTokens
  }

  private static func levels(_ means: [Float]) -> [Double?] { means.map { $0.isNaN ? nil : Double($0) } }

  /// e to the loss: how many equally likely tokens would be as hard to guess (Jelinek et al. 1977).
  package var perplexity: Double? { isOfTokens ? exp(loss) : nil }

  /// `loss 1.8050, perplexity 6.08, accuracy 46.05%`.
  package var text: String {
    let perplexity = perplexity.map { String(format: ", perplexity %.2f", $0) } ?? ""
    let accuracy = accuracy.map { String(format: ", accuracy %.2f%%", 100 * $0) } ?? ""
    let exact = exactMatch.map { String(format: ", %.2f%% without a mistake", 100 * $0) } ?? ""
    return String(format: "loss %.4f", loss) + perplexity + accuracy + exact
  }

  /// `by noise level, least first: 0.9120 0.4410 …`; nil of other models.
  package var noiseLevelText: String? {
    guard let noiseLevels else { return nil }
    return "mean squared error by noise level, from the tenth of the steps with the least noise to that with the most: "
      + noiseLevels.map { $0.map { String(format: "%.4f", $0) } ?? "-" }.joined(separator: " ")
  }

  package var json: [(String, JSON)] {
    var members: [(String, JSON)] = [("loss", .number(loss)), ("accuracy", accuracy.map { .number($0) } ?? .null)]
    if let perplexity { members.append(("perplexity", .number(perplexity))) }
    if let exactMatch { members.append(("exact_match", .number(exactMatch))) }
    if let noiseLevels { members.append(("noise_levels", .array(noiseLevels.map { $0.map { .number($0) } ?? .null }))) }
    return members + [("count", .integer(count))]
  }
}

extension RunPlan {
  /// What a loss's mean is over, as people count it: predictions that are right or wrong, or else samples.
  package func judgedCount(_ sums: LossSums, of evaluation: Evaluation) -> Int {
    hasAccuracy ? Int(sums.count) : evaluation.samples.count
  }

  /// Whether a class is predicted at every place of a sequence, and the loss is what it costs to write it down: neither
  /// smoothed nor weighted.
  package var predictsTokens: Bool {
    configuration.loss.isPlain && data.fields.contains { $0.name == SampleField.target && $0.shape.rank == 1 }
      && data.mixing == nil && graph.predictsSequences
  }

  /// Whether a sample is a source sequence with the one that answers it.
  package var answersSequences: Bool {
    configuration.loss.wantsClasses && graph.predictsSequences && data.fields.contains { $0.name == "source" }
  }
}

extension Dataset {
  /// Bytes of text that the targets of some samples stand for; nil where data are not text.
  func targetByteCount(_ samples: SampleSet) -> Int? {
    guard let tokenizer, let number = source.field(named: SampleField.target), fields[number].shape.rank == 1 else {
      return nil
    }
    let lengths = (0..<tokenizer.vocabularySize).map { token in
      // A special token stands for no text.
      let isSpecial = tokenizer.token(special: tokenizer.label(of: Int32(token))) == Int32(token)
      return isSpecial ? 0 : (try? tokenizer.decode(CollectionOfOne(Int32(token))).count) ?? 0
    }
    let arena = Arena(byteCount: 4 * fields[number].shape.elementCount)
    let slot = arena.all(as: .int32)
    var total = 0
    for position in 0..<samples.count {
      source.read(samples[position], .evaluation, field: number, into: slot)
      let targets = slot.integers
      for index in targets.indices where targets[index] >= 0 { total += lengths[Int(targets[index])] }
    }
    return withExtendedLifetime(arena) { total }
  }
}
