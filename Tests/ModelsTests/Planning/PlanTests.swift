import Kernels
import Layers
import Models
import Tensors
import Testing

@Suite struct PlanTests {
  @Test(arguments: variedNetworks.indices, precisions)
  func sharingMemoryChangesNoBit(_ index: Int, _ precision: Precision) throws {
    let graph = try network(variedNetworks[index].model, input: variedNetworks[index].input)
    let sharing = try Trial(graph, precision)
    let apart = try Trial(graph, precision) { $0.sharesMemory = false }
    let outcome = apart.run()
    #expect(!outcome.prediction.contains { $0.isNaN } && outcome.loss.value.isFinite)
    for entry in apart.plan.table.entries {
      #expect(!apart.gradient(of: entry.name).contains { $0.isNaN }, "\(entry.name)")
    }
    #expect(sharing.run() == outcome)
    // Memory now has the tensors of the first pass.
    #expect(sharing.run() == outcome)
    #expect(sharing.plan.activationByteCount <= apart.plan.activationByteCount)
  }

  @Test(arguments: variedNetworks.indices, precisions)
  func fusionChangesNothing(_ index: Int, _ precision: Precision) throws {
    // Without dropout, whose numbers depend on a layer's place in the plan.
    let model = variedNetworks[index].model.replacing(#/"(dropout|rate)": [0-9.]+/#) { "\"\($0.1)\": 0" }
    let graph = try network(model, input: variedNetworks[index].input)
    let fused = try Trial(graph, precision)
    let plain = try Trial(graph, precision) { $0.fusesNeighbours = false }
    let (a, b) = (fused.run(), plain.run())
    let tolerance = precision == .float32 ? 1e-5 : 0.02
    #expect(abs(a.loss.value - b.loss.value) <= tolerance * b.loss.value)
    #expect(distance(a.prediction, b.prediction) <= tolerance)
    let exact = try Trial(graph)
    _ = exact.run()
    for name in plain.plan.table.entries.map(\.name) {
      let gradient = exact.gradient(of: name)
      // A bias before a batch norm has no gradient but rounding.
      if gradient.allSatisfy({ abs($0) < 1e-5 }) { continue }
      // One pass does not round in between: in bfloat16 that is another error, but no larger one.
      let allowed = precision == .float32 ? 0 : 1.5 * distance(plain.gradient(of: name), gradient)
      #expect(distance(fused.gradient(of: name), gradient) <= allowed + tolerance, "\(name)")
    }
  }

  @Test func fusionSavesSteps() throws {
    let graph = try network(mlp(#""activation": "relu""#))
    let fused = try Trial(graph).plan
    let plain = try Trial(graph) { $0.fusesNeighbours = false }.plan
    #expect(plain.steps.count == fused.steps.count + 4)
    #expect(fused.activationByteCount <= plain.activationByteCount)
  }

  @Test func normsTakeInShortcutsAndActivations() throws {
    let graph = try network(variedNetworks[variedNetworks.count - 1].model, input: [24, 4, 5])
    let plan = try Trial(graph).plan
    let norms = plan.steps.filter { $0.layer is BatchNorm }.map { $0.layer.additions.joined(separator: "+") }
    #expect(norms == ["relu", "add+relu", "add", "silu"])
    #expect(plan.steps.count { $0.layer is ResidualAdd || $0.layer is ActivationLayer } == 1)
    let plain = try Trial(graph) { $0.fusesNeighbours = false }.plan
    #expect(plan.activationByteCount < plain.activationByteCount)
  }

  /// Convolutions with all layers that evaluation folds into them, by both algorithms, and with some that it cannot.
  private static let folding = #"""
    {"type": "layers", "layers": [
      {"type": "conv2d", "filters": 16, "kernel": 3, "padding": 1, "bias": false}, {"type": "batch_norm"},
      {"type": "activation", "function": "relu"},
      {"type": "residual", "layers": [
        {"type": "conv2d", "filters": 16, "kernel": 3, "padding": 1}, {"type": "batch_norm", "epsilon": 0.01},
        {"type": "activation", "function": "silu"},
        {"type": "conv2d", "filters": 16, "kernel": 3, "padding": 1, "bias": false}, {"type": "batch_norm"}]},
      {"type": "activation", "function": "relu"},
      {"type": "residual", "layers": [
        {"type": "conv2d", "filters": 16, "kernel": 1}, {"type": "batch_norm"}]},
      {"type": "activation", "function": "relu"},
      {"type": "residual", "layers": [
        {"type": "conv2d", "filters": 16, "kernel": 3, "padding": 1, "groups": 2}, {"type": "batch_norm"}]},
      {"type": "activation", "function": "tanh"},
      {"type": "conv2d", "filters": 16, "kernel": 3, "padding": 1}, {"type": "activation", "function": "relu"},
      {"type": "batch_norm"},
      {"type": "conv2d", "filters": 5, "kernel": 3, "stride": 2}, {"type": "batch_norm"},
      {"type": "flatten"}, {"type": "linear", "units": 5}]}
    """#

  @Test(arguments: precisions) func evaluationFoldsBatchNorm(_ precision: Precision) throws {
    let graph = try network(Self.folding, input: [6, 9, 10, 16])
    func trial(_ precision: Precision, folds: Bool) throws -> Trial {
      let trial = try Trial(graph, precision, isTraining: false) { $0.fusesNeighbours = folds }
      trial.scatterStatistics()
      return trial
    }
    let (folded, plain) = (try trial(precision, folds: true), try trial(precision, folds: false))
    let convolutions = folded.plan.steps.filter { type(of: $0.layer).kind == Conv2D.kind }
    #expect(
      convolutions.map { $0.layer.additions.joined(separator: "+") } == [
        "batch_norm+relu", "batch_norm+silu", "batch_norm+add+relu", "batch_norm+add+relu", "batch_norm+add+tanh",
        "relu",
        "batch_norm",
      ])
    #expect(folded.plan.steps.count { $0.layer is BatchNorm } == 1)
    #expect(convolutions[2].convolutions.allSatisfy { $0.addsShortcut == $0.canAddShortcut })
    let exact = try trial(.float32, folds: false).run().prediction
    for round in 0..<2 {
      let (a, b) = (folded.run(), plain.run())
      #expect(distance(b.prediction, exact) < 0.03 || round > 0)
      let allowed = precision == .float32 ? 1e-5 : 1.5 * distance(plain.run().prediction, b.prediction) + 0.03
      #expect(distance(a.prediction, b.prediction) <= allowed)
      #expect(abs(a.loss.value - b.loss.value) <= allowed * b.loss.value)
      // Packed weights follow new statistics.
      for trial in [folded, plain] { trial.scatterStatistics(seed: 9) }
    }
    let before = plain.run().prediction
    plain.scatterStatistics(seed: 10)
    #expect(distance(plain.run().prediction, before) > 0.1)
    // Training keeps its norms, which compute batch statistics.
    #expect(try Trial(graph, precision).plan.steps.count { $0.layer is BatchNorm } == 7)
  }

  /// The gradient of the whole network against central differences of its loss.
  @Test(arguments: [
    (mlp(#""activation": "tanh", "normalization": "layer", "residual": true"#), #"{"type": "cross_entropy"}"#),
    (mlp(#""activation": "gelu", "normalization": "batch""#), #"{"type": "cross_entropy", "label_smoothing": 0.1}"#),
    (mlp(#""activation": "silu", "normalization": "rms", "dropout": 0.2"#), #"{"type": "mse"}"#),
    (mlp(#""activation": "sigmoid", "residual": true"#), #"{"type": "mse"}"#),
    (
      #"""
      {"type": "layers", "layers": [
        {"type": "linear", "units": 16}, {"type": "residual", "layers": [{"type": "linear", "units": 16},
          {"type": "batch_norm"}]}, {"type": "activation", "function": "silu"},
        {"type": "residual", "layers": [{"type": "batch_norm"}]}, {"type": "linear", "units": 5}]}
      """#, #"{"type": "mse"}"#
    ),
    (convolutional.replacing("relu", with: "tanh"), #"{"type": "cross_entropy"}"#),
  ])
  func gradientsAgreeWithDifferences(model: String, loss: String) throws {
    let trial = try Trial(try network(model, input: model.contains("conv2d") ? [6, 7, 6, 3] : [6, 20], loss: loss))
    _ = trial.run()
    for (index, entry) in trial.plan.table.entries.enumerated() {
      let slice = trial.plan.table.slice(entry, in: trial.state.parameters)
      let start = (0..<slice.count).map { slice.floats[$0] }
      let gradient = trial.gradient(of: entry.name).map(Double.init)
      let random = RandomStream(seed: 5, purpose: .checking, stream: index)
      let size: Float = 3e-3
      func loss(_ sign: Float) -> Double {
        var span = slice.mutableFloats
        for i in span.indices { span[i] = start[i] + sign * size * random.normal(i) }
        return trial.forward().value
      }
      let difference = loss(1) - loss(-1)
      _ = loss(0)
      let expected = gradient.enumerated().reduce(0) { $0 + $1.element * 2 * Double(size * random.normal($1.offset)) }
      let length = gradient.reduce(0) { $0 + $1 * $1 }.squareRoot()
      #expect(abs(difference - expected) <= 2 * Double(size) * (0.01 * length + 2e-3), "\(entry.name)")
    }
  }

  @Test func frozenParametersGetNoGradient() throws {
    let graph = try network(mlp(#""activation": "relu", "normalization": "layer""#))
    let whole = try Trial(graph)
    _ = whole.run()
    let frozen: Set = [
      "hidden.0.weight", "hidden.0.bias", "hidden_norms.0.weight", "hidden_norms.0.bias", "hidden.2.weight",
    ]
    let part = try Trial(graph, frozen: frozen)
    _ = part.run()
    for entry in part.plan.table.entries {
      let gradient = part.gradient(of: entry.name)
      if frozen.contains(entry.name) {
        #expect(gradient.allSatisfy { $0.isNaN }, "\(entry.name) was written")
      } else {
        #expect(gradient == whole.gradient(of: entry.name), "\(entry.name)")
      }
    }
    // Nothing before the first parameter that trains runs backwards.
    #expect(part.plan.steps.filter { !$0.runsBackward }.map(\.name) == ["hidden.0", "hidden_norms.0", "activations.0"])
    #expect(part.plan.activationByteCount < whole.plan.activationByteCount)
  }

  @Test func aNetworkThatIsFrozenThroughoutOnlyRunsForwards() throws {
    let graph = try network(mlp(#""activation": "relu""#, depth: 1))
    let names = try ParameterTable(graph).entries.map(\.name)
    let trial = try Trial(graph, frozen: Set(names))
    #expect(trial.run().loss.value > 0)
    #expect(trial.plan.steps.allSatisfy { !$0.runsBackward })
  }

  @Test(arguments: precisions) func inferenceNeedsLessMemory(_ precision: Precision) throws {
    let model = mlp(#""activation": "gelu", "normalization": "layer""#, depth: 8)
    let training = try Trial(try network(model), precision)
    let inference = try Trial(try network(model), precision, isTraining: false)
    let (a, b) = (training.run(), inference.run())
    #expect(a.prediction == b.prediction && a.loss == b.loss)
    #expect(4 * inference.plan.activationByteCount < training.plan.activationByteCount)
    #expect(inference.plan.steps.allSatisfy { !$0.runsBackward })
    let prediction = try Trial(try network(model, isTraining: false), precision, isTraining: false)
    #expect(prediction.run().prediction == b.prediction)
  }

  /// Twice the depth needs no more memory without a backward pass.
  @Test func inferenceMemoryDoesNotGrowWithDepth() throws {
    let byteCounts = try [8, 16].map {
      try Trial(try network(mlp(#""activation": "relu""#, depth: $0)), isTraining: false).plan.activationByteCount
    }
    #expect(byteCounts[0] == byteCounts[1])
  }

  @Test func backwardCostsTwiceAForward() throws {
    let graph = try network(mlp(#""activation": "relu""#))
    let (training, inference) = (try Trial(graph).plan, try Trial(graph, isTraining: false).plan)
    // All but the loss and the gradient of the first layer's input, which is not needed.
    let first = 2 * 6 * 20 * 24
    let loss = inference.steps.last?.flops ?? 0
    #expect(training.flops - 3 * loss == 3 * (inference.flops - loss) - first)
  }
}
