import Data
import Foundation
import JSON
import Kernels
import Metrics
import Runs
import Tensors

/// The result of an evaluation of a split.
package struct SplitScore: Sendable, Equatable {
  /// The mean over samples, or over tokens for a language model.
  package let loss: Double
  /// Nil if the loss has no accuracy.
  package let accuracy: Double?
  /// The number of samples or tokens in the mean.
  package let count: Int
  /// The share of answers without a mistake of an encoder-decoder; nil for other models.
  ///
  /// Every token is predicted after the right earlier ones, as in greedy decoding without a mistake, so this is also
  /// the share of answers that greedy decoding gets right.
  package let exactMatch: Double?
  /// The mean squared error of a denoiser by noise level, least noise first; nil if a level has no sample.
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

  /// e to the loss: the number of equally likely tokens that are as hard to guess (Jelinek et al. 1977).
  package var perplexity: Double? { isOfTokens ? exp(loss) : nil }

  /// `loss 1.8050, perplexity 6.08, accuracy 46.05%`.
  package var text: String {
    let perplexity = perplexity.map { String(format: ", perplexity %.2f", $0) } ?? ""
    let accuracy = accuracy.map { String(format: ", accuracy %.2f%%", 100 * $0) } ?? ""
    let exact = exactMatch.map { String(format: ", %.2f%% without a mistake", 100 * $0) } ?? ""
    return String(format: "loss %.4f", loss) + perplexity + accuracy + exact
  }

  /// Nil for models without noise levels.
  package var noiseLevelText: String? {
    guard let noiseLevels else { return nil }
    return "mean squared error by noise level, from the tenth of the steps with the least noise to that with the most: "
      + noiseLevels.map { $0.map { String(format: "%.4f", $0) } ?? "-" }.joined(separator: " ")
  }

  package var json: [(String, JSON)] {
    var members: [(String, JSON)] = [("loss", .number(loss)), ("accuracy", accuracy.json)]
    if let perplexity { members.append(("perplexity", .number(perplexity))) }
    if let exactMatch { members.append(("exact_match", .number(exactMatch))) }
    if let noiseLevels { members.append(("noise_levels", noiseLevels.json)) }
    return members + [("count", .integer(count))]
  }
}

extension RunPlan {
  /// The number of predictions or samples that a loss's mean is over.
  package func judgedCount(_ sums: LossSums, of evaluation: Evaluation) -> Int {
    hasAccuracy ? Int(sums.count) : evaluation.samples.count
  }

  /// Whether a class is predicted at every place of a sequence, with a loss that is neither smoothed nor weighted.
  package var predictsTokens: Bool {
    configuration.loss.isPlain && data.fields.contains { $0.name == SampleField.target && $0.shape.rank == 1 }
      && data.mixing == nil && graph.predictsSequences
  }

  /// Whether a sample is a source sequence with its answer.
  package var answersSequences: Bool {
    configuration.loss.wantsClasses && graph.predictsSequences && data.fields.contains { $0.name == "source" }
  }
}

extension Dataset {
  /// The bytes of text in the targets of some samples; nil if the data are not text.
  func targetByteCount(_ samples: SampleSet) -> Int? {
    guard let tokenizer, let number = source.field(named: SampleField.target), fields[number].shape.rank == 1 else {
      return nil
    }
    let lengths = (0..<tokenizer.vocabularySize).map { token in
      // Special tokens have no text.
      let isSpecial = tokenizer.token(special: tokenizer.label(of: Int32(token))) == Int32(token)
      return isSpecial ? 0 : (try? tokenizer.decode(CollectionOfOne(Int32(token))).count) ?? 0
    }
    let arena = Arena(byteCount: 4 * fields[number].shape.elementCount)
    let buffer = arena.all(as: .int32)
    var total = 0
    for position in 0..<samples.count {
      source.read(samples[position], .evaluation, field: number, into: buffer)
      let targets = buffer.integers
      for index in targets.indices where targets[index] >= 0 { total += lengths[Int(targets[index])] }
    }
    return withExtendedLifetime(arena) { total }
  }
}
