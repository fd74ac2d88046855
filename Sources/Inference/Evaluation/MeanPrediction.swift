import Glibc
import Kernels
import Tensors

/// The mean of a classifier's softmax over several views of the same samples.
///
/// It is kept as logarithms, so that the loss of a very unlikely class stays finite.
struct MeanPrediction {
  private let arena: Arena
  private let classes: Int
  /// ln Σ softmax over the views so far, one row per sample. Judgements do not depend on the constant that makes it a
  /// mean.
  let logits: TensorSlice

  init(rows: Int, classes: Int) {
    arena = Arena(byteCount: 4 * rows * classes)
    logits = arena.slice(offset: 0, count: rows * classes, type: .float32)
    self.classes = classes
  }

  /// Adds one view.
  ///
  /// - Parameters:
  ///   - scores: the model's logits in float32, one row per sample.
  ///   - isFirst: whether this is the first view of new samples.
  func add(_ scores: TensorSlice, rows: Int, isFirst: Bool) {
    var sums = logits.mutableFloats
    let scores = scores.floats
    for row in 0..<rows {
      let start = row * classes
      var largest = -Double.infinity
      for c in 0..<classes { largest = max(largest, Double(scores[start + c])) }
      var sum = 0.0
      for c in 0..<classes { sum += exp(Double(scores[start + c]) - largest) }
      let scale = largest + log(sum)
      for c in 0..<classes {
        let share = Double(scores[start + c]) - scale
        sums[start + c] = Float(isFirst ? share : Self.logOfSum(Double(sums[start + c]), share))
      }
    }
  }

  /// ln(eᵃ + eᵇ).
  private static func logOfSum(_ a: Double, _ b: Double) -> Double {
    a == -.infinity ? b : max(a, b) + log1p(exp(-abs(a - b)))
  }
}
