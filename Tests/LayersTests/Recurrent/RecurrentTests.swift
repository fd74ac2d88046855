import Configuration
import Foundation
import JSON
import Kernels
import Layers
import Tensors
import TestSupport
import Testing

/// Recurrent layers against PyTorch, and their state from piece to piece of a sequence.
@Suite struct RecurrentTests {
  /// One case of Tests/Golden/Layers/recurrent.json.
  struct Golden: CustomTestStringConvertible, Sendable {
    let json: JSON
    let input: [Int]

    static let all: [Golden] = {
      let file = Repository.root.appending(path: "Tests/Golden/Layers/recurrent.json")
      guard let json = try? ConfigurationFile.load(file.path) else { return [] }
      let input = (json["input"]?.array ?? []).compactMap(\.integer)
      return (json["cases"]?.array ?? []).map { Golden(json: $0, input: input) }
    }()

    var settings: JSON { json["settings"] ?? .null }
    var testDescription: String { settings.members.map { $0.map { "\($0.key) \($0.value)" }.joined() } ?? "" }
    func numbers(_ key: String) -> [Double] { json[key]?.array?.compactMap(\.double) ?? [] }
    var gradients: [(name: String, values: [Double])] {
      (json["gradients"]?.members ?? []).map { ($0.key, $0.value.array?.compactMap(\.double) ?? []) }
    }
  }

  private static let kinds = ["rnn", "lstm", "gru"]

  private func make(_ settings: String, _ input: [Int]) throws -> any Layer {
    try layerCatalog.read(try JSONParser.parse("{\(settings)}", file: "test")).product.make([input.shape])
  }

  private func wave(_ function: (Double) -> Double, _ count: Int, _ factor: Double, _ shift: Double) -> [Float] {
    (0..<count).map { Float(function(factor * Double($0) + shift)) }
  }

  private func expectClose(_ actual: [Float], _ expected: [Double], _ comment: Comment) {
    #expect(actual.count == expected.count && !expected.isEmpty, comment)
    let worst = zip(actual, expected).map { abs(Double($0) - $1) / (1 + abs($1)) }.max() ?? .infinity
    #expect(worst < 3e-6, comment)
  }

  @Test func goldenFilesExist() { #expect(Golden.all.count == 11) }

  @Test(arguments: Golden.all) func agreesWithPyTorch(_ golden: Golden) throws {
    let layer = try layerCatalog.read(golden.settings).product.make([golden.input.shape])
    #expect(layer.parameters.map(\.name) == golden.gradients.map(\.name))
    let bench = LayerBench(layer)
    bench.inputs[0].values = wave(sin, bench.inputs[0].slice.count, 0.7, 0)
    for (number, parameter) in bench.parameters.enumerated() {
      parameter.values = wave({ 0.6 * sin($0) }, parameter.slice.count, 0.37, Double(number + 1))
    }
    bench.prepare()
    bench.forward()
    expectClose(bench.output.values, golden.numbers("output"), "output")
    bench.outputGradient.values = wave(cos, bench.output.slice.count, 0.21, 0)
    bench.backward()
    expectClose(bench.inputGradients[0].values, golden.numbers("input_gradient"), "dx")
    for (gradient, expected) in zip(bench.parameterGradients, golden.gradients) {
      expectClose(gradient.values, expected.values, "\(expected.name)")
    }
  }

  // MARK: Pieces

  private static let batch = 3
  private static let steps = 12
  private static let features = 5

  /// The outputs of a sequence that goes through in pieces of `length` steps.
  private func outputs(_ settings: String, pieces length: Int, _ conditions: Conditions) throws -> [[Float]] {
    let (batch, steps, features) = (Self.batch, Self.steps, Self.features)
    let layer = try make(settings, [batch, length, features])
    let bench = LayerBench(layer, conditions)
    bench.fill()
    let values = wave(sin, batch * steps * features, 0.7, 0).map { BFloat16($0).float }
    var outputs = [[Float]](repeating: [], count: batch)
    for start in stride(from: 0, to: steps, by: length) {
      var piece: [Float] = []
      for row in 0..<batch {
        let first = (row * steps + start) * features
        piece += values[first..<first + length * features]
      }
      bench.inputs[0].values = piece
      bench.change { $0.position = start }
      bench.forward()
      let output = bench.output.values
      let width = output.count / batch
      for row in 0..<batch { outputs[row] += output[row * width..<(row + 1) * width] }
    }
    return outputs
  }

  @Test(arguments: kinds, [ElementType.float32, .bfloat16])
  func piecesWithCarryEqualTheWhole(_ kind: String, _ type: ElementType) throws {
    if type == .bfloat16, !OneDNN.supportsBFloat16 { return }
    for isTraining in [true, false] {
      var conditions = Conditions()
      (conditions.activations, conditions.isTraining) = (type, isTraining)
      // In inference the state is always kept.
      let settings = #""type": "\#(kind)", "units": 21, "layers": 2, "carry": \#(isTraining)"#
      let whole = try outputs(settings, pieces: Self.steps, conditions)
      #expect(whole[0].allSatisfy { !$0.isNaN })
      for length in [6, 3, 1] {
        #expect(try outputs(settings, pieces: length, conditions) == whole, "pieces of \(length)")
      }
    }
  }

  @Test(arguments: kinds) func trainingForgetsUnlessItCarries(_ kind: String) throws {
    let settings = #""type": "\#(kind)", "units": 21"#
    let whole = try outputs(settings, pieces: Self.steps, Conditions())
    let pieces = try outputs(settings, pieces: 6, Conditions())
    #expect(pieces[0].prefix(6 * 21) == whole[0].prefix(6 * 21))
    #expect(pieces[0].suffix(6 * 21) != whole[0].suffix(6 * 21))
  }

  @Test(arguments: kinds) func sequenceStateIsDeclared(_ kind: String) throws {
    var conditions = Conditions()
    let plain = LayerBench(try make(#""type": "\#(kind)", "units": 4, "layers": 3"#, [2, 5, 3]), conditions)
    #expect(plain.sequenceState.isEmpty)
    conditions.isTraining = false
    let inference = LayerBench(plain.layer, conditions)
    #expect(inference.sequenceState.map(\.slice.count) == [Int](repeating: 2 * 3 * 4, count: kind == "lstm" ? 2 : 1))
    let both = try make(#""type": "\#(kind)", "units": 4, "bidirectional": true"#, [2, 5, 3])
    #expect(LayerBench(both, conditions).sequenceState.isEmpty)
  }

  // MARK: Dropout, refusals

  @Test(arguments: kinds) func dropsBetweenLayers(_ kind: String) throws {
    for directions in ["false", "true"] {
      let settings = #""type": "\#(kind)", "units": 6, "layers": 3, "dropout": 0.3, "bidirectional": \#(directions)"#
      let check = LayerCheck(
        layer: try make(settings, [3, 4, 5]), difference: kind == "rnn" ? 1e-3 : 3e-3, isSameInInference: false)
      let complaints = check.complaints()
      #expect(complaints.isEmpty, "\(complaints.joined(separator: "\n"))")
    }
    // There is nothing between layers where there is one.
    let single = LayerCheck(layer: try make(#""type": "\#(kind)", "units": 6, "dropout": 0.3"#, [3, 4, 5]))
    #expect(single.inference().isEmpty)
  }

  @Test(arguments: [
    (#""units": 4"#, [2, 12], "expects sequences (batch, steps, features), got the shape [2, 12]"),
    (
      #""units": 4, "carry": true, "bidirectional": true"#, [2, 3, 5],
      "cannot carry its state while it is bidirectional"
    ),
    (#""units": 100000"#, [1 << 30, 1 << 20, 8], "too large"),
  ])
  func refusals(_ settings: String, _ input: [Int], _ message: String) throws {
    for kind in Self.kinds {
      let error = #expect(throws: LayerError.self) { _ = try make(#""type": "\#(kind)", \#(settings)"#, input) }
      #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
      #expect(error?.description.contains("\n") == false)
    }
  }

  @Test func parametersStartAsPyTorchs() throws {
    let layer = try make(#""type": "gru", "units": 16, "layers": 2, "bidirectional": true"#, [2, 3, 5])
    #expect(
      layer.parameters.prefix(4).map(\.name) == ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"])
    #expect(layer.parameters.suffix(1).map(\.name) == ["bias_hh_l1_reverse"])
    #expect(layer.parameters.allSatisfy { $0.initializer == .uniform(bound: 0.25) })
    let other = try make(#""type": "gru", "units": 16, "initializer": "orthogonal""#, [2, 3, 5])
    #expect(other.parameters.map(\.initializer).prefix(2) == [.orthogonal(gain: 1), .orthogonal(gain: 1)])
    #expect(other.parameters.map(\.initializer).suffix(2) == [.uniform(bound: 0.25), .uniform(bound: 0.25)])
  }
}
