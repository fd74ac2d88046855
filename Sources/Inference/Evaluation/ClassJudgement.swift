import Glibc

/// A classifier's prediction for one sample, compared with the target.
package struct ClassJudgement: BitwiseCopyable, Sendable, Equatable {
  /// The right class; negative for padding.
  package var target: Int32 = -1
  /// The likeliest class, the first of equal ones.
  package var predicted: Int32 = -1
  /// The number of classes before the right one, the likeliest first; 0 is a hit.
  package var rank: Int32 = -1
  /// softmax at the predicted and at the right class.
  package var probability: Float = 0
  package var targetProbability: Float = 0
  /// −ln softmax at the right class, without class weights and label smoothing.
  package var loss: Float = 0

  package init() {}

  /// - Parameters:
  ///   - logits: one per class. NaN comes before every number, so it is never a hit.
  ///   - target: the right class, or a negative number.
  package init(logits: Span<Float>, target: Int) {
    guard target >= 0 else { return }
    let right = logits[target]
    var best = 0
    var rank = 0
    for c in logits.indices {
      if logits[c] > logits[best] || (logits[c].isNaN && !logits[best].isNaN) { best = c }
      // The first of equal logits wins, as in the loss.
      if c != target, c < target ? !(logits[c] < right) : !(logits[c] <= right) { rank += 1 }
    }
    let largest = Double(logits[best])
    var sum = 0.0
    for c in logits.indices { sum += exp(Double(logits[c]) - largest) }
    self.target = Int32(target)
    predicted = Int32(best)
    self.rank = Int32(rank)
    probability = Float(1 / sum)
    targetProbability = Float(exp(Double(right) - largest) / sum)
    loss = Float(log(sum) + largest - Double(right))
  }
}
