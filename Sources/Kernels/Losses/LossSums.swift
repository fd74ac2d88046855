/// The sums of a loss over a micro-batch; the mean over a batch divides once, by the weight of all its micro-batches.
package struct LossSums: Sendable, Equatable, BitwiseCopyable {
  /// The sum of the losses.
  package var value = 0.0
  /// The divisor of the mean.
  package var weight = 0.0
  /// Predictions that hit their target.
  package var correct = 0.0
  /// Predictions that were judged.
  package var count = 0.0
  /// Sequences of predictions that were right from end to end, and sequences with anything to judge.
  package var exactSequences = 0.0
  package var sequences = 0.0

  package init(value: Double = 0, weight: Double = 0, correct: Double = 0, count: Double = 0) {
    self.value = value
    self.weight = weight
    self.correct = correct
    self.count = count
  }

  package mutating func merge(_ other: LossSums) {
    value += other.value
    weight += other.weight
    correct += other.correct
    count += other.count
    exactSequences += other.exactSequences
    sequences += other.sequences
  }

  /// The mean loss; 0 when nothing was weighed.
  package var mean: Double { weight == 0 ? 0 : value / weight }
  /// The share of hits; 0 when nothing was judged.
  package var accuracy: Double { count == 0 ? 0 : correct / count }
  /// The share of sequences without a mistake; nil where predictions are no sequences.
  package var exactMatch: Double? { sequences == 0 ? nil : exactSequences / sequences }
}
