import Configuration
import Foundation
import JSON
import Kernels
import Layers
import Tensors
import Testing

struct LossCase: Sendable, CustomTestStringConvertible {
  let type: any Loss.Type
  let example: LayerExample

  static let all = lossTypes.flatMap { loss in loss.type.examples.map { LossCase(type: loss.type, example: $0) } }

  var testDescription: String { "\(example.settings) on \(example.inputs)" }

  func make() throws -> any Loss {
    let json = try JSONParser.parse(example.settings, file: "example")
    return try lossCatalog.read(json).product.make(
      example.inputs[0], example.inputs[1], example.inputs.count > 2 ? example.inputs[2] : nil)
  }
}

@Suite struct LossTests {
  @Test func everyLossHasExamples() {
    for (type, _) in lossTypes { #expect(!type.examples.isEmpty, "\(type.kind)") }
    #expect(Set(lossTypes.map { $0.type.kind }).count == lossTypes.count)
  }

  @Test(arguments: LossCase.all) func behaves(_ test: LossCase) throws {
    let loss = try test.make()
    #expect(loss.inputShapes == test.example.inputs && loss.outputShape == test.example.output)
    let complaints = LayerCheck(layer: loss).complaints()
    #expect(complaints.isEmpty, "\(complaints.joined(separator: "\n"))")
  }

  @Test(arguments: LossCase.all) func decodesStrictly(_ test: LossCase) throws {
    let json = try JSONParser.parse(test.example.settings, file: "example")
    let extra = try json.setting("no_such_key=1")
    let error = #expect(throws: ConfigurationError.self) { _ = try lossCatalog.read(extra, path: "loss") }
    #expect(error?.path == "loss.no_such_key")
  }

  @Test(arguments: LossCase.all) func paddingIsIgnored(_ test: LossCase) throws {
    let loss = try test.make()
    let bench = LayerBench(loss)
    let rows = loss.inputShapes[0][0]
    let rowSize = loss.inputShapes[0].elementCount / rows
    let targetSize = loss.inputShapes[1].elementCount / rows
    bench.fill()
    bench.change { $0.validRows = rows }
    bench.forward()
    let whole = bench.loss
    bench.change { $0.validRows = rows - 2 }
    bench.forward()
    bench.backward()
    let (part, gradient) = (bench.loss, bench.inputGradients[0].values)
    #expect(part.weight < whole.weight && part.value < whole.value)
    #expect(gradient[((rows - 2) * rowSize)...].allSatisfy { $0 == 0 })
    // Padding of any values, even NaN and classes that do not exist.
    for i in (rows - 2) * rowSize..<rows * rowSize { bench.inputs[0].slice.set(i, .nan) }
    for i in (rows - 2) * targetSize..<rows * targetSize { bench.inputs[1].slice.set(i, 1e9) }
    bench.forward()
    bench.backward()
    #expect(bench.loss == part)
    #expect(bench.inputGradients[0].values == gradient)
  }

  /// PyTorch's definitions, in float64.
  @Test func meansAreThoseOfPyTorch() throws {
    let bench = LayerBench(try SquaredError.blueprint.make([4, 3].shape, [4, 3].shape, nil))
    bench.fill()
    bench.forward()
    let (x, t) = (bench.inputs[0].values.map(Double.init), bench.inputs[1].values.map(Double.init))
    let squares = zip(x, t).map { ($0 - $1) * ($0 - $1) }
    #expect(abs(bench.loss.mean - squares.reduce(0, +) / 12) < 1e-6)

    let binary = LayerBench(try BinaryCrossEntropy.blueprint.make([4, 3].shape, [4, 3].shape, nil))
    binary.fill()
    binary.forward()
    let logs = zip(x, t).map { z, t in t * log(1 + exp(-z)) + (1 - t) * log(1 + exp(z)) }
    #expect(abs(binary.loss.mean - logs.reduce(0, +) / 12) < 1e-6)

    let weights: [Float] = [0.5, 2, 1]
    let cross = LayerBench(
      try CrossEntropy([4, 3].shape, [4].shape, labelSmoothing: 0.1, classWeights: weights))
    cross.fill()
    cross.forward()
    let logits = cross.inputs[0].values.map(Double.init)
    let classes = cross.inputs[1].values.map { Int($0) }
    var (value, weight) = (0.0, 0.0)
    for (row, target) in classes.enumerated() {
      let z = logits[3 * row..<3 * row + 3]
      let norm = log(z.map(exp).reduce(0, +))
      let surprise = z.map { norm - $0 }
      value += 0.9 * Double(weights[target]) * surprise[target]
      for (c, s) in surprise.enumerated() { value += 0.1 / 3 * Double(weights[c]) * s }
      weight += Double(weights[target])
    }
    #expect(abs(cross.loss.mean - value / weight) < 1e-5)

    let shared = LayerBench(
      try CrossEntropy([4, 3].shape, [4, 3].shape, labelSmoothing: 0.1, classWeights: weights))
    shared.fill()
    shared.forward()
    let shares = shared.inputs[1].values.map(Double.init)
    value = 0
    for row in 0..<4 {
      let z = logits[3 * row..<3 * row + 3]
      let norm = log(z.map(exp).reduce(0, +))
      for (c, z) in z.enumerated() {
        value += (0.9 * shares[3 * row + c] + 0.1 / 3) * Double(weights[c]) * (norm - z)
      }
    }
    #expect(abs(shared.loss.mean - value / 4) < 1e-5)
  }

  @Test func refusesShapesThatDoNotFit() {
    #expect(throws: LayerError.self) { _ = try SquaredError.blueprint.make([4, 3].shape, [4, 2].shape, nil) }
    #expect(throws: LayerError.self) { _ = try BinaryCrossEntropy.blueprint.make([4, 3].shape, [4].shape, nil) }
    #expect(throws: LayerError.self) { _ = try CrossEntropy([4, 3].shape, [4, 2].shape) }
    #expect(throws: LayerError.self) { _ = try CrossEntropy([4].shape, [4].shape) }
    let error = #expect(throws: LayerError.self) {
      _ = try CrossEntropy([4, 3].shape, [4].shape, classWeights: [1, 2])
    }
    #expect(error?.description.contains("2 weights, but the model has 3 classes") == true)
  }
}
