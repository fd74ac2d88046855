import Configuration
import Foundation
import JSON
import Kernels
import Layers
import Tensors
import Testing

/// One example of one layer that configurations can name, or that model families add.
struct LayerCase: Sendable, CustomTestStringConvertible {
  let type: any ConfigurableLayer.Type
  let example: LayerExample

  static let all = layerTypes.flatMap { layer in layer.type.examples.map { LayerCase(type: layer.type, example: $0) } }

  var testDescription: String { "\(example.settings) on \(example.inputs)" }
  var json: JSON { get throws { try JSONParser.parse(example.settings, file: "example") } }

  /// The layer alone, whether a configuration can name it or not.
  var catalog: Catalog<LayerBlueprint> { Catalog("layer", [type.catalogEntry("")]) }

  func make(_ inputs: [TensorShape]) throws -> any Layer { try catalog.read(json).product.make(inputs) }
}

@Suite struct LayerTests {
  @Test func everyLayerHasExamples() {
    for (type, _) in layerTypes {
      #expect(!type.examples.isEmpty, "\(type.kind)")
    }
    #expect(Set(layerTypes.map { $0.type.kind }).count == layerTypes.count)
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
    check.isSameInInference = !test.type.traits.differsInTraining
    check.difference = test.type.traits.difference
    let complaints = check.complaints()
    #expect(complaints.isEmpty, "\(complaints.joined(separator: "\n"))")
  }

  @Test(arguments: LayerCase.all) func decodesStrictly(_ test: LayerCase) throws {
    let (json, catalog) = (try test.json, test.catalog)
    let resolved = try catalog.read(json).resolved
    #expect(try catalog.read(resolved).resolved == resolved)
    let extra = try json.setting("no_such_key=1")
    let error = #expect(throws: ConfigurationError.self) { _ = try catalog.read(extra, path: "model.layers[2]") }
    #expect(error?.path == "model.layers[2].no_such_key")
    #expect(error?.message.contains("unknown key") == true)
    for member in resolved.members ?? [] where member.key != "initializer" {
      let mistyped = try json.setting("\(member.key)=[]")
      #expect(throws: ConfigurationError.self, "\(member.key)") { _ = try catalog.read(mistyped) }
    }
  }

  @Test(arguments: LayerCase.all) func refusesOtherInputs(_ test: LayerCase) throws {
    let inputs = test.example.inputs
    #expect(throws: LayerError.self) { _ = try test.make([]) }
    if !test.type.traits.takesAnyNumberOfInputs {
      #expect(throws: LayerError.self) { _ = try test.make(inputs + [inputs[0]]) }
    }
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

  @Test func groupNormFusesTheActivationBehindIt() throws {
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

  @Test func timeEmbeddingHasSinesFirst() throws {
    let layer = try TimeEmbedding(settings: .init(steps: 1000, width: 6), inputs: [[2].shape])
    let bench = LayerBench(layer)
    bench.inputs[0].values = [0, 999]
    bench.forward()
    let angles = [0, 1, 2].map { 999 * pow(10_000, -Double($0) / 3) }
    let expected = [0, 0, 0, 1, 1, 1] + angles.map(sin) + angles.map(cos)
    for (y, e) in zip(bench.output.values, expected) { #expect(abs(Double(y) - e) < 1e-6) }
  }

  @Test func gridPositionsAreColumnsThenRows() throws {
    let layer = try PositionEmbedding(settings: .init(columns: 3), inputs: [[1, 6, 8].shape])
    let bench = LayerBench(layer)
    bench.inputs[0].values = [Float](repeating: 0, count: 48)
    bench.forward()
    for place in 0..<6 {
      let (u, v) = (Double(place % 3), Double(place / 3))
      let expected = [sin(u), sin(u / 100), cos(u), cos(u / 100), sin(v), sin(v / 100), cos(v), cos(v / 100)]
      let found = bench.output.values[8 * place..<8 * place + 8]
      for (y, e) in zip(found, expected) { #expect(abs(Double(y) - e) < 1e-6) }
    }
    for (columns, shape, words) in [(4, [1, 6, 8], "6 tokens out in 4 columns"), (3, [1, 6, 10], "multiple of 4")] {
      let error = #expect(throws: LayerError.self) {
        _ = try PositionEmbedding(settings: .init(columns: columns), inputs: [shape.shape])
      }
      #expect(error?.description.contains(words) == true)
    }
  }

  @Test func patchesComeFromLeftToRightAndThenDown() throws {
    let settings = PatchEmbedding.LayerSettings(patch: 2, width: 12, initializer: .zeros)
    let embedding = LayerBench(try PatchEmbedding(settings: settings, inputs: [[1, 4, 4, 3].shape]))
    embedding.fill()
    // Weights that copy every number of a patch.
    embedding.parameters[0].values = (0..<144).map { $0 % 13 == 0 ? 1 : 0 }
    embedding.parameters[1].values = [Float](repeating: 0, count: 12)
    embedding.inputs[0].values = (0..<48).map(Float.init)
    embedding.forward()
    let patches = embedding.output.values
    #expect(Array(patches.prefix(12)) == [0, 1, 2, 3, 4, 5, 12, 13, 14, 15, 16, 17])
    #expect(patches[12] == 6 && patches[24] == 24)
    let joined = LayerBench(
      try Unpatchify(settings: .init(patch: 2, height: 4, width: 4), inputs: [[1, 4, 12].shape]))
    joined.inputs[0].values = patches
    joined.forward()
    #expect(joined.output.values == embedding.inputs[0].values)
  }

  @Test func imagesThatPatchesDoNotFillAreRefused() {
    let error = #expect(throws: LayerError.self) {
      _ = try PatchEmbedding(
        settings: .init(patch: 4, width: 8, initializer: .zeros), inputs: [[2, 28, 30, 1].shape])
    }
    #expect(error?.description.contains("28 × 30 pixels cannot be cut into patches of 4 × 4") == true)
    let other = #expect(throws: LayerError.self) {
      _ = try Unpatchify(settings: .init(patch: 2, height: 4, width: 4), inputs: [[2, 5, 12].shape])
    }
    #expect(other?.description.contains("expects (batch, 4, a multiple of 4)") == true)
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
