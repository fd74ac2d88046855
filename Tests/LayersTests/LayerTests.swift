import Arenas
import Configuration
import JSONValues
import Kernels
import Layers
import Testing

/// One example of one layer that configurations can name, or that architectures add by themselves.
struct LayerCase: Sendable, CustomTestStringConvertible {
  let type: any ConfigurableLayer.Type
  let example: LayerExample

  static let all = configurableLayers.flatMap { type in type.examples.map { LayerCase(type: type, example: $0) } }

  var testDescription: String { "\(example.settings) on \(example.inputs)" }
  var json: JSON { get throws { try JSONParser.parse(example.settings, file: "example") } }

  /// Whether a configuration can name the layer.
  var isCatalogued: Bool { layerCatalog.entries.contains { $0.kind == type.kind } }

  func make(_ inputs: [TensorShape]) throws -> any Layer {
    if isCatalogued { return try layerCatalog.read(json).product.make(inputs) }
    return try type.makeUncatalogued(inputs)
  }
}

extension ConfigurableLayer {
  fileprivate static func makeUncatalogued(_ inputs: [TensorShape]) throws -> any Layer {
    let settings = try #require(NoSettings() as? LayerSettings, "\(kind) has settings, but no catalog names it")
    return try Self(settings: settings, inputs: inputs)
  }
}

@Suite struct LayerTests {
  @Test func everyLayerHasExamples() {
    for type in configurableLayers { #expect(!type.examples.isEmpty, "\(type.kind)") }
    let kinds = Set(configurableLayers.map { $0.kind })
    // Layers of two inputs stand in no stack.
    let internals = [ResidualAdd.kind, ChannelScale.kind, SpatialScale.kind]
    #expect(kinds == Set(layerCatalog.entries.map(\.kind)).union(internals))
    #expect(kinds.count == configurableLayers.count)
  }

  @Test(arguments: LayerCase.all) func behaves(_ test: LayerCase) throws {
    let layer = try test.make(test.example.inputs)
    #expect(layer.inputShapes == test.example.inputs)
    #expect(layer.outputShape == test.example.output)
    if layer.isReshape {
      // It never runs: the plan lets its output be its input.
      #expect(layer.inputShapes[0].elementCount == layer.outputShape.elementCount)
      #expect(layer.parameters.isEmpty && layer.buffers.isEmpty && layer.saved.isEmpty)
      return
    }
    var check = LayerCheck(layer: layer)
    check.isSameInInference =
      !(layer is BatchNorm || layer is Dropout || layer is Dropout2D || layer is StochasticDepth)
    // A larger step could make another pixel of a window the largest.
    if layer is MaxPool2D { check.difference = 1e-3 }
    // A larger one would be felt through all steps, and cross ReLU's kinks.
    if layer is any RecurrentLayer { check.difference = layer is RNN ? 1e-3 : 3e-3 }
    let complaints = check.complaints()
    #expect(complaints.isEmpty, "\(complaints.joined(separator: "\n"))")
  }

  @Test(arguments: LayerCase.all) func decodesStrictly(_ test: LayerCase) throws {
    guard test.isCatalogued else { return }
    let json = try test.json
    let resolved = try layerCatalog.read(json).resolved
    #expect(try layerCatalog.read(resolved).resolved == resolved)
    let extra = try json.setting("no_such_key=1")
    let error = #expect(throws: ConfigurationError.self) { _ = try layerCatalog.read(extra, path: "model.layers[2]") }
    #expect(error?.path == "model.layers[2].no_such_key")
    #expect(error?.message.contains("unknown key") == true)
    for member in resolved.members ?? [] where member.key != "initializer" {
      let mistyped = try json.setting("\(member.key)=[]")
      #expect(throws: ConfigurationError.self, "\(member.key)") { _ = try layerCatalog.read(mistyped) }
    }
  }

  @Test(arguments: LayerCase.all) func refusesOtherInputs(_ test: LayerCase) throws {
    let inputs = test.example.inputs
    #expect(throws: LayerError.self) { _ = try test.make([]) }
    #expect(throws: LayerError.self) { _ = try test.make(inputs + [inputs[0]]) }
    #expect(throws: LayerError.self) { _ = try test.make([TensorShape.scalar] + inputs.dropFirst()) }
  }

  @Test(arguments: Activation.allCases.filter { $0 != .identity && $0.derivativeFollowsFromOutput })
  func behavesWithAnActivationFusedIn(_ activation: Activation) throws {
    for hasBias in [true, false] {
      var settings = Linear.LayerSettings(units: 9, initializer: .heNormal)
      settings.hasBias = hasBias
      let linear = try Linear(settings: settings, inputs: [[5, 13].shape])
      let next = try ActivationLayer(settings: .init(activation), inputs: [linear.outputShape])
      let fused = try #require(linear.fused(with: next, at: 0, isTraining: true))
      #expect(fused.fused(with: next, at: 0, isTraining: true) == nil)
      // A kink of ReLU can lie anywhere between two units, so the steps are small.
      let complaints = LayerCheck(layer: fused, difference: 1e-3).complaints()
      #expect(complaints.isEmpty, "\(complaints.joined(separator: "\n"))")
    }
  }

  @Test func onlyAnActivationWhoseInputIsNotKeptIsFused() throws {
    let linear = try Linear(settings: .init(units: 4, initializer: .heNormal), inputs: [[2, 3].shape])
    for activation in Activation.allCases {
      let next = try ActivationLayer(settings: .init(activation), inputs: [linear.outputShape])
      #expect((linear.fused(with: next, at: 0, isTraining: true) != nil) == activation.derivativeFollowsFromOutput)
    }
    let flatten = try Flatten(settings: NoSettings(), inputs: [linear.outputShape])
    #expect(linear.fused(with: flatten, at: 0, isTraining: true) == nil)
  }

  @Test(arguments: [[7, 5], [2, 3, 3, 16], [2, 7, 5, 19]]) func behavesWithAShortcutFusedIn(_ shape: [Int]) throws {
    let norm = try BatchNorm(settings: .init(), inputs: [shape.shape])
    let add = try ResidualAdd(settings: NoSettings(), inputs: [shape.shape, shape.shape])
    let sum = try #require(norm.fused(with: add, at: 1, isTraining: true))
    #expect(sum.fused(with: add, at: 0, isTraining: true) == nil)
    #expect(sum.inputShapes.count == 2 && sum.additions == ["add"])
    for activation in Activation.behindNorms where activation != .identity {
      // Among many elements one always lies at a kink.
      if shape.shape.elementCount > 100, activation == .relu || activation == .leakyReLU { continue }
      let next = try ActivationLayer(settings: .init(activation), inputs: [shape.shape])
      let alone = try #require(norm.fused(with: next, at: 0, isTraining: true))
      #expect(alone.fused(with: next, at: 0, isTraining: true) == nil)
      #expect(alone.fused(with: add, at: 0, isTraining: true) == nil)
      let joined = sum.fused(with: next, at: 0, isTraining: true)
      #expect((joined != nil) == (activation == .relu))
      for layer in [alone, joined] {
        guard let layer else { continue }
        var check = LayerCheck(layer: layer, difference: activation == .relu || activation == .leakyReLU ? 1e-3 : 0.01)
        check.isSameInInference = false
        let complaints = check.complaints()
        #expect(complaints.isEmpty, "\(layer.additions): \(complaints.joined(separator: "\n"))")
      }
    }
    var check = LayerCheck(layer: sum)
    check.isSameInInference = false
    #expect(check.complaints().isEmpty)
    let gelu = try ActivationLayer(settings: .init(.gelu), inputs: [shape.shape])
    #expect(norm.fused(with: gelu, at: 0, isTraining: true) == nil)
  }

  @Test func groupNormTakesInTheActivationBehindIt() throws {
    for shape in [[2, 3, 3, 8], [3, 12]] {
      let norm = try GroupNorm(settings: .init(groups: 4), inputs: [shape.shape])
      for activation in Activation.allCases {
        let next = try ActivationLayer(settings: .init(activation), inputs: [shape.shape])
        let joined = norm.fused(with: next, at: 0, isTraining: true)
        #expect((joined != nil) == (activation != .identity && Activation.behindNorms.contains(activation)))
        guard let joined else { continue }
        #expect(joined.watchedActivation == activation && joined.fused(with: next, at: 0, isTraining: true) == nil)
        let hasKink = activation == .relu || activation == .leakyReLU
        let complaints = LayerCheck(layer: joined, difference: hasKink ? 1e-4 : 0.01).complaints()
        #expect(complaints.isEmpty, "\(activation): \(complaints.joined(separator: "\n"))")
      }
    }
  }

  @Test(arguments: [
    ([2, 4, 4, 12], 5, "cannot divide 12 channels into 5 groups"), ([2, 8], 16, "cannot divide 8 channels into 16"),
    ([2, 8], 8, "groups of a single number"), ([2, 1, 1, 6], nil, "groups of a single number"),
  ])
  func groupsThatDoNotFitAreRefused(_ shape: [Int], _ groups: Int?, _ words: String) {
    let error = #expect(throws: LayerError.self) {
      _ = try GroupNorm(settings: .init(groups: groups), inputs: [shape.shape])
    }
    #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
  }

  @Test func residualsOfDifferentShapesAreRefused() {
    let error = #expect(throws: LayerError.self) {
      _ = try ResidualAdd(settings: NoSettings(), inputs: [[2, 3].shape, [2, 4].shape])
    }
    #expect(error?.description.contains("[2, 3] against [2, 4]") == true)
  }

  @Test func linearRefusesWhatCannotBeCounted() {
    #expect(throws: LayerError.self) {
      _ = try Linear(settings: .init(units: 1_000_000, initializer: .zeros), inputs: [[1 << 40, 1 << 18].shape])
    }
  }
}

extension [Int] {
  var shape: TensorShape { TensorShape(self) }
}
