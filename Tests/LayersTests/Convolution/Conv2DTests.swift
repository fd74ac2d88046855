import Configuration
import JSON
import Kernels
import Layers
import Tensors
import Testing

/// The errors, the fusion and the initial parameters of convolutions.
@Suite struct Conv2DTests {
  private func make(_ settings: String, _ input: [Int]) throws -> Conv2D {
    let json = try JSONParser.parse(#"{"type": "conv2d", \#(settings)}"#, file: "test")
    return try #require(try layerCatalog.read(json).product.make([input.shape]) as? Conv2D)
  }

  @Test(arguments: [
    (#""filters": 4, "kernel": 3"#, [2, 12], "expects images (batch, height, width, channels), got the shape [2, 12]"),
    (#""filters": 4, "kernel": 3, "groups": 3"#, [2, 5, 5, 6], "6 channels into 4 filters in 3 groups"),
    (#""filters": 6, "kernel": 3, "groups": 4"#, [2, 5, 5, 6], "6 channels into 6 filters in 4 groups"),
    (#""filters": 8, "kernel": 3, "groups": "depthwise""#, [2, 5, 5, 6], "6 channels into 8 filters in 6 groups"),
    (
      #""filters": 4, "kernel": [3, 5], "dilation": 2, "padding": 1"#, [2, 3, 6, 2],
      "covers 5×9 pixels, more than the padded image has (5×8)"
    ),
    (#""filters": 1000000, "kernel": 10000, "padding": 10000"#, [1, 9, 9, 1_000_000], "too large"),
  ])
  func refusals(settings: String, input: [Int], message: String) throws {
    let error = #expect(throws: LayerError.self) { _ = try make(settings, input) }
    #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
    #expect(error?.description.contains("\n") == false)
  }

  @Test(arguments: [
    (#""kernel": 3"#, "filters"), (#""filters": 4"#, "kernel"), (#""filters": 4, "kernel": 0"#, "kernel"),
    (#""filters": 4, "kernel": [3]"#, "kernel"), (#""filters": 4, "kernel": [3, 0]"#, "kernel[1]"),
    (#""filters": 4, "kernel": 3, "padding": "valid""#, "padding"),
    (#""filters": 4, "kernel": 3, "groups": "pointwise""#, "groups"),
  ])
  func misprints(settings: String, path: String) throws {
    let json = try JSONParser.parse(#"{"type": "conv2d", \#(settings)}"#, file: "test")
    let error = #expect(throws: ConfigurationError.self) { _ = try layerCatalog.read(json) }
    #expect(error?.path == path || error?.message.contains(path) == true, "\(String(describing: error))")
  }

  @Test func fansAreThoseOfPyTorch() throws {
    let layer = try make(#""filters": 12, "kernel": [3, 5], "groups": 2"#, [2, 9, 9, 8])
    let weight = layer.parameters[0]
    #expect(weight.shape == [12, 4, 3, 5].shape && weight.fanIn == 4 * 15 && weight.fanOut == 12 * 15)
    #expect(layer.parameters.map(\.name) == ["weight", "bias"])
  }

  /// A stride of 1 keeps the size whatever the kernel; larger ones divide it, rounding up.
  @Test(arguments: 1...6, 1...3) func samePadding(kernel: Int, stride: Int) throws {
    for size in 1...7 {
      let layer = try make(
        #""filters": 2, "kernel": \#(kernel), "stride": \#(stride), "padding": "same""#, [1, size, 9, 2])
      #expect(layer.outputShape == [1, (size + stride - 1) / stride, (9 + stride - 1) / stride, 2].shape)
    }
  }

  @Test(arguments: Activation.allCases.filter { $0 != .identity && $0.derivativeFollowsFromOutput })
  func behavesWithAnActivationFusedIn(_ activation: Activation) throws {
    for hasBias in [true, false] {
      let layer = try make(#""filters": 3, "kernel": 3, "padding": [0, 1], "bias": \#(hasBias)"#, [2, 4, 3, 2])
      let next = try ActivationLayer(settings: .init(activation), inputs: [layer.outputShape])
      let fused = try #require(layer.fused(with: next, at: 0, isTraining: true))
      #expect(fused.fused(with: next, at: 0, isTraining: true) == nil && fused.watchedActivation == activation)
      // A kink of ReLU can lie anywhere between two pixels, so there are few and the steps are small.
      let complaints = LayerCheck(layer: fused, difference: 1e-3).complaints()
      #expect(complaints.isEmpty, "\(complaints.joined(separator: "\n"))")
    }
  }

  /// In evaluation; `PlanTests` compare the results.
  @Test(arguments: [true, false], [ElementType.float32, .bfloat16])
  func fusesBatchNorm(hasBias: Bool, type: ElementType) throws {
    guard type == .float32 || OneDNN.supportsBFloat16 else { return }
    for filters in [5, 16] {
      let layer = try make(
        #""filters": \#(filters), "kernel": 3, "padding": 1, "bias": \#(hasBias)"#, [2, 9, 8, 16])
      let norm = try BatchNorm(settings: .init(), inputs: [layer.outputShape])
      #expect(layer.fused(with: norm, at: 0, isTraining: true) == nil)
      let add = try ResidualAdd(settings: .init(), inputs: [layer.outputShape, layer.outputShape])
      let relu = try ActivationLayer(settings: .init(.relu), inputs: [layer.outputShape])
      let folded = try #require(layer.fused(with: norm, at: 0, isTraining: false))
      let joined = try #require(folded.fused(with: add, at: 0, isTraining: false))
      let whole = try #require(joined.fused(with: relu, at: 0, isTraining: false))
      #expect(whole.additions == ["batch_norm", "add", "relu"])
      #expect(whole.fused(with: relu, at: 0, isTraining: false) == nil)
      #expect(joined.fused(with: add, at: 0, isTraining: false) == nil)
      for layer in [folded, joined, whole] {
        var conditions = Conditions()
        conditions.isTraining = false
        conditions.activations = type
        let bench = LayerBench(layer, conditions)
        bench.fill()
        bench.poison([bench.output, bench.scratch])
        #expect(bench.trespasses(in: bench.prepare, writable: bench.prepared + [bench.scratch]).isEmpty)
        bench.poison([bench.scratch])
        #expect(bench.trespasses(in: bench.forward, writable: [bench.output, bench.scratch]).isEmpty)
        #expect(!bench.output.values.contains { $0.isNaN })
      }
    }
  }
}
