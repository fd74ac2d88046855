import Configuration
import Kernels
import Tensors

/// −Σ q(c)·log softmax(z)(c), with q the target's class smoothed by ε and weighted by class, as PyTorch's
/// `cross_entropy`.
///
/// z is (B, …, C) logits. The target is either (B, …) class numbers as int32, or (B, …, C) float32 with a share of each
/// class, as mixing samples makes them; as in PyTorch, the mean then divides by the rows and not by their weights.
/// Keeps one log-sum-exp a row.
package struct CrossEntropy: ConfigurableLoss {
  package static let kind = "cross_entropy"

  package let inputShapes: [TensorShape]
  let kernel: CrossEntropyKernel
  /// Whether targets are shares of classes rather than their numbers.
  let hasShares: Bool
  // Keeps the memory alive that the kernel reads its weights from.
  private let classWeights: Arena?

  package static func blueprint(from reader: SettingsReader) throws(ConfigurationError) -> LossBlueprint {
    let smoothing = try reader.number(
      "label_smoothing", default: 0, in: 0...0.999, "share of the target spread evenly over all classes")
    let weights = try reader.optionalNumbers(
      "class_weights", in: 0...1e6, "one weight a class; the loss is divided by the weights of the targets seen")
    try reader.require(
      weights?.contains { Float($0) > 0 } ?? true, "class_weights", "are all 0, so that nothing is learned; weigh a class above 0"
    )
    return LossBlueprint(kind: kind, wantsClasses: true, isPlain: smoothing == 0 && weights == nil) {
      (prediction, target, sampleWeights) throws(LayerError) in
      guard sampleWeights == nil else {
        throw LayerError("cross_entropy has no weights of samples; weigh classes, or use \"mse\" or \"huber\"")
      }
      return try CrossEntropy(prediction, target, labelSmoothing: smoothing, classWeights: weights?.map { Float($0) })
    }
  }

  package init(
    _ prediction: TensorShape, _ target: TensorShape, labelSmoothing: Double = 0, classWeights: [Float]? = nil
  ) throws(LayerError) {
    hasShares = target == prediction
    guard prediction.rank >= 2, hasShares || target.dimensions == prediction.dimensions.dropLast() else {
      throw LayerError(
        "cross_entropy expects logits (…, classes), and classes (…) or shares of them (…, classes): got "
          + "\(prediction) and \(target)")
    }
    let classes = prediction.last
    if let classWeights, classWeights.count != classes {
      throw LayerError("loss.class_weights has \(classWeights.count) weights, but the model has \(classes) classes")
    }
    inputShapes = [prediction, target]
    self.classWeights = classWeights.map { weights in
      let arena = Arena(byteCount: 4 * weights.count)
      var span = arena.all(as: .float32).mutableFloats
      for (index, weight) in weights.enumerated() { span[index] = weight }
      return arena
    }
    kernel = CrossEntropyKernel(
      rows: prediction.elementCount / classes, classes: classes, labelSmoothing: Float(labelSmoothing),
      classWeights: self.classWeights?.all(as: .float32),
      sequenceLength: prediction.elementCount / classes / prediction[0])
  }

  package var accuracyName: String? { "accuracy" }
  package var integerInputs: [Int: Int] { hasShares ? [:] : [1: kernel.classes] }
  package var saved: [TensorShape] { [TensorShape([kernel.rows])] }
  package var forwardFlops: Int { 4 * kernel.rows * kernel.classes }

  /// Rows of the logits that belong to valid samples.
  func validRows(_ frame: Frame) -> Int { frame.validRows * (kernel.rows / inputShapes[1][0]) }

  package func forward(_ frame: Frame) {
    let (logits, targets, rows, logSumExp) = (frame.input(0), frame.input(1), validRows(frame), frame.saved(0))
    frame.report(
      hasShares
        ? kernel.forward(logits, shares: targets, validRows: rows, logSumExp: logSumExp)
        : kernel.forward(logits, targets: targets, validRows: rows, logSumExp: logSumExp))
  }

  package func backward(_ frame: Frame) {
    guard let dx = frame.inputGradient(0) else { return }
    let (logits, targets, rows, logSumExp) = (frame.input(0), frame.input(1), validRows(frame), frame.saved(0))
    if hasShares {
      kernel.backward(logits, shares: targets, validRows: rows, logSumExp: logSumExp, into: dx)
    } else {
      kernel.backward(logits, targets: targets, validRows: rows, logSumExp: logSumExp, into: dx)
    }
  }

  package static let examples = [
    LayerExample(#"{"type": "cross_entropy"}"#, inputs: [[5, 7], [5]], output: [1]),
    LayerExample(
      #"{"type": "cross_entropy", "label_smoothing": 0.2, "class_weights": [1, 0.5, 2]}"#,
      inputs: [[4, 6, 3], [4, 6]], output: [1]),
    LayerExample(#"{"type": "cross_entropy"}"#, inputs: [[5, 7], [5, 7]], output: [1]),
    LayerExample(
      #"{"type": "cross_entropy", "label_smoothing": 0.2, "class_weights": [1, 0.5, 2]}"#,
      inputs: [[4, 6, 3], [4, 6, 3]], output: [1]),
  ]
}
