import Tensors

/// Cross-entropy of softmax(logits) with class indices or shares of classes, as PyTorch's `cross_entropy` computes it.
///
/// With t the target, w the class weights (1 where nil), s the label smoothing and C classes, a row's loss is
/// (1 − s)·w[t]·(−ln p[t]) + s/C·Σ w[c]·(−ln p[c]), and the mean divides the sum of losses by the sum of w[t].
/// With shares q it is Σ ((1 − s)·q[c] + s/C)·w[c]·(−ln p[c]), and the mean divides by the number of rows.
package struct CrossEntropyKernel: Sendable {
  package let rows: Int
  package let classes: Int
  package let labelSmoothing: Float
  /// [classes] float32.
  package let classWeights: TensorSlice?
  /// Rows of a sequence, which is right when all of its rows are; 1 where rows are samples of their own.
  package let sequenceLength: Int

  package init(
    rows: Int, classes: Int, labelSmoothing: Float = 0, classWeights: TensorSlice? = nil, sequenceLength: Int = 1
  ) {
    precondition(sequenceLength > 0 && rows % sequenceLength == 0)
    precondition(rows > 0 && classes > 0 && labelSmoothing >= 0 && labelSmoothing <= 1)
    if let classWeights { precondition(classWeights.count == classes && classWeights.type == .float32) }
    self.rows = rows
    self.classes = classes
    self.labelSmoothing = labelSmoothing
    self.classWeights = classWeights
    self.sequenceLength = sequenceLength
  }

  /// - Parameters:
  ///   - logits: rows × classes, float32 or bfloat16.
  ///   - targets: [rows] int32 below `classes`; a negative one excludes its row.
  ///   - validRows: rows from here on are padding and count nothing; their targets are not read.
  ///   - logSumExp: [rows] float32, written for `backward`.
  /// - Returns: `correct` counts rows whose first largest logit is the target's.
  package func forward(
    _ logits: TensorSlice, targets: TensorSlice, validRows: Int, logSumExp: TensorSlice
  ) -> LossSums {
    check(logits, validRows, logSumExp)
    precondition(targets.count == rows && targets.type == .int32)
    if logits.type == .bfloat16 { return forward(logits, targets, validRows, logSumExp, as: BFloat16.self) }
    return forward(logits, targets, validRows, logSumExp, as: Float.self)
  }

  /// The gradient of the SUM of the losses, not divided by the weight; zero for padding and excluded rows.
  ///
  /// - Parameters:
  ///   - logSumExp: the result of `forward`.
  ///   - gradient: rows × classes, of the logits' type; may be `logits` itself.
  package func backward(
    _ logits: TensorSlice, targets: TensorSlice, validRows: Int, logSumExp: TensorSlice, into gradient: TensorSlice
  ) {
    check(logits, validRows, logSumExp, gradient)
    precondition(targets.count == rows && targets.type == .int32)
    if logits.type == .bfloat16 {
      backward(logits, targets, validRows, logSumExp, gradient, as: BFloat16.self)
    } else {
      backward(logits, targets, validRows, logSumExp, gradient, as: Float.self)
    }
    gradient.slice(validRows * classes..<rows * classes).zero()
  }

  func check(_ logits: TensorSlice, _ validRows: Int, _ logSumExp: TensorSlice, _ gradient: TensorSlice? = nil) {
    precondition(logits.count == rows * classes && logits.type != .int32)
    precondition(gradient.map { $0.count == logits.count && $0.type == logits.type } ?? true)
    precondition(logSumExp.count == rows && logSumExp.type == .float32)
    precondition(validRows >= 0 && validRows <= rows)
  }
}
