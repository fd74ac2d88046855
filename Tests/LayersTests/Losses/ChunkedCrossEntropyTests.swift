import Kernels
import Layers
import Tensors
import Testing

/// A linear layer and its loss: one layer against two.
@Suite struct ChunkedCrossEntropyTests {
  struct Case: Sendable {
    var hasBias = true
    var labelSmoothing = 0.0
    var isWeighted = false
    /// Of sequences of 5 tokens.
    var batch = 3
    var classes = 150
    var blockRows = 4

    static let all = [
      Case(), Case(hasBias: false, labelSmoothing: 0.1), Case(isWeighted: true, blockRows: 15),
      Case(hasBias: false, labelSmoothing: 0.2, isWeighted: true, classes: 64, blockRows: 2),
      Case(batch: 1, classes: 40, blockRows: 3),
    ]

    func linear() throws -> Linear {
      var settings = Linear.LayerSettings(units: classes, initializer: .heNormal)
      settings.hasBias = hasBias
      return try Linear(settings: settings, inputs: [[batch, 5, 8].shape])
    }

    func loss() throws -> CrossEntropy {
      try CrossEntropy(
        [batch, 5, classes].shape, [batch, 5].shape, labelSmoothing: labelSmoothing,
        classWeights: isWeighted ? (0..<classes).map { 0.5 + Float($0 % 3) } : nil)
    }

    /// Tiles of at most 64 classes.
    func joined() throws -> ChunkedCrossEntropy {
      var limits = ChunkedCrossEntropy.Limits()
      limits.logitsByteCount = 0
      limits.blockRows = blockRows
      limits.tileByteCount = 1
      return try #require(ChunkedCrossEntropy(try linear(), try loss(), limits: limits))
    }
  }

  @Test(arguments: Case.all) func behaves(_ test: Case) throws {
    let complaints = LayerCheck(layer: try test.joined()).complaints()
    #expect(complaints.isEmpty, "\(complaints.joined(separator: "\n"))")
  }

  /// Every other row is right, one is ignored, and the rows after the valid ones are padding.
  @Test(arguments: Case.all, OneDNN.supportsBFloat16 ? [ElementType.float32, .bfloat16] : [.float32])
  func equalsTheTwoLayers(_ test: Case, _ type: ElementType) throws {
    for padding in 0..<min(2, test.batch) {
      var conditions = Conditions()
      (conditions.activations, conditions.widensOutput) = (type, true)
      let (joined, linear) = (LayerBench(try test.joined(), conditions), LayerBench(try test.linear(), conditions))
      let loss = LayerBench(try test.loss())
      for bench in [joined, linear] { bench.fill() }
      linear.forward()
      var targets = joined.inputs[1].values
      for row in targets.indices where row % 2 == 0 || row < 5 {
        let logits = linear.output.values[row * test.classes..<(row + 1) * test.classes]
        targets[row] = Float((logits.indices.max { logits[$0] < logits[$1] } ?? 0) - row * test.classes)
      }
      targets[3] = -1
      joined.inputs[1].values = targets
      loss.inputs[0].values = linear.output.values
      loss.inputs[1].values = targets
      for bench in [joined, loss] {
        bench.change { $0.validRows = test.batch - padding }
        bench.forward()
        bench.backward()
      }
      linear.outputGradient.values = loss.inputGradients[0].values
      linear.backward()

      let (a, b) = (joined.loss, loss.loss)
      #expect(abs(a.value - b.value) <= 1e-6 * b.value && a.weight == b.weight)
      #expect(a.count == b.count && a.correct == b.correct && a.correct > 2)
      #expect(a.sequences == b.sequences && a.exactSequences == b.exactSequences && a.exactSequences > 0)
      let tolerance = type == .float32 ? 1e-5 : 2e-3
      #expect(distance(joined.inputGradients[0].values, linear.inputGradients[0].values) <= tolerance)
      for (gradient, expected) in zip(joined.parameterGradients, linear.parameterGradients) {
        #expect(distance(gradient.values, expected.values) <= tolerance)
      }
    }
  }

  private func distance(_ a: [Float], _ b: [Float]) -> Double {
    let difference = zip(a, b).reduce(0.0) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) }.squareRoot()
    let length = b.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
    return difference.isNaN ? .infinity : difference / max(length, 1e-12)
  }

  @Test func onlyLargeLogitsOfClassNumbersAreSplit() throws {
    func joins(units: Int, target: [Int], activation: Activation = .identity) throws -> Bool {
      var linear: any Layer = try Linear(
        settings: .init(units: units, initializer: .zeros), inputs: [[32, 64, 8].shape])
      if activation != .identity {
        let next = try ActivationLayer(settings: .init(activation), inputs: [linear.outputShape])
        linear = try #require(linear.fused(with: next, at: 0, isTraining: true))
      }
      let loss = try CrossEntropy([32, 64, units].shape, target.shape)
      let layer = linear.fused(with: loss, at: 0, isTraining: true)
      #expect(linear.fused(with: loss, at: 1, isTraining: true) == nil)
      #expect(layer == nil || layer is ChunkedCrossEntropy && layer?.additions == ["cross_entropy"])
      return layer != nil
    }
    // 32·64·2048·4 bytes are 16 MiB.
    #expect(try !joins(units: 2048, target: [32, 64]))
    #expect(try joins(units: 2049, target: [32, 64]))
    #expect(try !joins(units: 2049, target: [32, 64, 2049]))
    #expect(try !joins(units: 2049, target: [32, 64], activation: .tanh))
  }

  /// GPT-2's head: memory for a tile and for sums over a block, however many rows and classes there are.
  @Test func workingMemoryIsBounded() throws {
    let linear = try Linear(settings: .init(units: 50_257, initializer: .zeros), inputs: [[16, 1024, 768].shape])
    let loss = try CrossEntropy([16, 1024, 50_257].shape, [16, 1024].shape)
    let joined = try #require(linear.fused(with: loss, at: 0, isTraining: true))
    for type in [ElementType.float32, .bfloat16] {
      let placement = LayerPlacement(
        inputs: type, output: .float32, isTraining: true, needsInputGradient: [true, false],
        accumulatesInputGradient: [false, false], accumulatesParameterGradient: [false, false])
      #expect(joined.scratchByteCount(placement) < 4 << 20)
    }
    #expect(joined.saved == [[16 * 1024].shape])
  }
}
