import Foundation
import Kernels
import Optimizers
import Tensors
import Testing

/// One element of PyTorch's single-tensor optimizers, in float64.
private struct Reference {
  var parameter: Double
  var states = [0.0, 0.0, 0.0]
  let update: (inout Reference, _ gradient: Double, _ step: Int, _ decay: Double, _ rate: Double) -> Void
}

struct FormulaCase: Sendable, CustomTestStringConvertible {
  let json: String
  let stateNames: [String]
  fileprivate let update:
    @Sendable (inout Reference, _ gradient: Double, _ step: Int, _ decay: Double, _ rate: Double) -> Void
  var testDescription: String { json }
}

private func sgd(_ momentum: Double, _ dampening: Double, _ nesterov: Bool)
  -> @Sendable (inout Reference, Double, Int, Double, Double) -> Void
{
  { r, gradient, step, decay, rate in
    let g = gradient + decay * r.parameter
    guard momentum > 0 else {
      r.parameter -= rate * g
      return
    }
    r.states[0] = step == 1 ? g : momentum * r.states[0] + (1 - dampening) * g
    r.parameter -= rate * (nesterov ? g + momentum * r.states[0] : r.states[0])
  }
}

private func adam(_ b1: Double, _ b2: Double, _ epsilon: Double, decoupled: Bool)
  -> @Sendable (inout Reference, Double, Int, Double, Double) -> Void
{
  { r, gradient, step, decay, rate in
    let g = decoupled ? gradient : gradient + decay * r.parameter
    if decoupled { r.parameter *= 1 - rate * decay }
    r.states[0] = b1 * r.states[0] + (1 - b1) * g
    r.states[1] = b2 * r.states[1] + (1 - b2) * g * g
    let denominator = sqrt(r.states[1]) / sqrt(1 - pow(b2, Double(step))) + epsilon
    r.parameter -= rate / (1 - pow(b1, Double(step))) * r.states[0] / denominator
  }
}

private func rmsprop(_ alpha: Double, _ epsilon: Double, _ momentum: Double, centered: Bool)
  -> @Sendable (inout Reference, Double, Int, Double, Double) -> Void
{
  { r, gradient, step, decay, rate in
    let g = gradient + decay * r.parameter
    r.states[0] = alpha * r.states[0] + (1 - alpha) * g * g
    var variance = r.states[0]
    if centered {
      let index = momentum > 0 ? 2 : 1
      r.states[index] = alpha * r.states[index] + (1 - alpha) * g
      variance -= r.states[index] * r.states[index]
    }
    let direction = g / (sqrt(variance) + epsilon)
    guard momentum > 0 else {
      r.parameter -= rate * direction
      return
    }
    r.states[1] = momentum * r.states[1] + direction
    r.parameter -= rate * r.states[1]
  }
}

private func lion(_ b1: Double, _ b2: Double) -> @Sendable (inout Reference, Double, Int, Double, Double) -> Void {
  { r, gradient, step, decay, rate in
    let direction = b1 * r.states[0] + (1 - b1) * gradient
    r.parameter = r.parameter * (1 - rate * decay) - rate * (direction > 0 ? 1 : direction < 0 ? -1 : 0)
    r.states[0] = b2 * r.states[0] + (1 - b2) * gradient
  }
}

let formulaCases = [
  FormulaCase(json: #"{"type": "sgd"}"#, stateNames: [], update: sgd(0, 0, false)),
  FormulaCase(json: #"{"type": "sgd", "momentum": 0.9}"#, stateNames: ["momentum_buffer"], update: sgd(0.9, 0, false)),
  FormulaCase(
    json: #"{"type": "sgd", "momentum": 0.9, "dampening": 0.3}"#, stateNames: ["momentum_buffer"],
    update: sgd(0.9, 0.3, false)),
  FormulaCase(
    json: #"{"type": "sgd", "momentum": 0.9, "nesterov": true}"#, stateNames: ["momentum_buffer"],
    update: sgd(0.9, 0, true)),
  FormulaCase(
    json: #"{"type": "adam"}"#, stateNames: ["exp_avg", "exp_avg_sq"],
    update: adam(0.9, 0.999, 1e-8, decoupled: false)),
  FormulaCase(
    json: #"{"type": "adamw", "betas": [0.8, 0.95], "epsilon": 1e-6}"#, stateNames: ["exp_avg", "exp_avg_sq"],
    update: adam(0.8, 0.95, 1e-6, decoupled: true)),
  FormulaCase(
    json: #"{"type": "rmsprop"}"#, stateNames: ["square_avg"], update: rmsprop(0.99, 1e-8, 0, centered: false)),
  FormulaCase(
    json: #"{"type": "rmsprop", "alpha": 0.9, "centered": true}"#, stateNames: ["square_avg", "grad_avg"],
    update: rmsprop(0.9, 1e-8, 0, centered: true)),
  FormulaCase(
    json: #"{"type": "rmsprop", "momentum": 0.9}"#, stateNames: ["square_avg", "momentum_buffer"],
    update: rmsprop(0.99, 1e-8, 0.9, centered: false)),
  FormulaCase(
    json: #"{"type": "rmsprop", "momentum": 0.5, "centered": true, "epsilon": 1e-3}"#,
    stateNames: ["square_avg", "momentum_buffer", "grad_avg"], update: rmsprop(0.99, 1e-3, 0.5, centered: true)),
  FormulaCase(json: #"{"type": "lion"}"#, stateNames: ["exp_avg"], update: lion(0.9, 0.99)),
]

@Suite struct OptimizerFormulaTests {
  @Test func everyOptimizerHasAFormula() throws {
    let kinds = try formulaCases.compactMap { try json($0.json)["type"]?.string }
    #expect(Set(kinds) == Set(optimizerCatalog.entries.map(\.kind)))
  }

  /// 37 elements: two whole vectors and a tail.
  @Test(arguments: formulaCases, [0, 0.1])
  func followsPyTorch(_ example: FormulaCase, decay: Double) throws {
    let bench = try Workbench(example.json, count: 37)
    #expect(bench.optimizer.stateNames == example.stateNames)
    var references = (0..<37).map { Reference(parameter: Double(Workbench.start($0)), update: example.update) }
    for step in 1...20 {
      _ = bench.step(scalars(step: step, decay: decay))
      for i in references.indices {
        references[i].update(&references[i], Double(Workbench.gradient(i, step)), step, decay, 0.01)
      }
    }
    let parameters = bench.read(bench.parameter)
    for i in references.indices {
      // Rounding of 20 steps in float32; steps are of the order of 0.01.
      #expect(abs(Double(parameters[i]) - references[i].parameter) < 2e-6, "element \(i)")
    }
    for (index, state) in bench.states.enumerated() {
      let values = bench.read(state)
      for i in references.indices {
        #expect(abs(Double(values[i]) - references[i].states[index]) < 2e-5 * max(1, abs(references[i].states[index])))
      }
    }
  }

  @Test(arguments: formulaCases, [1, 15, 16, 17, 31, 100])
  func bitsDoNotDependOnChunks(_ example: FormulaCase, count: Int) throws {
    let whole = try Workbench(example.json, count: count)
    let cut = try Workbench(example.json, count: count)
    for step in 1...5 {
      var scalars = scalars(step: step, decay: 0.1)
      scalars.gradientScale = 0.7
      scalars.averageDecay = 0.9
      let together = whole.step(scalars)
      let apart = cut.step(scalars, chunk: 7)
      #expect(together.parameter.largest == apart.parameter.largest)
      #expect(abs(together.update.sumOfSquares - apart.update.sumOfSquares) <= 1e-6 * together.update.sumOfSquares)
    }
    for (a, b) in zip([whole.parameter, whole.average] + whole.states, [cut.parameter, cut.average] + cut.states) {
      #expect(whole.read(a).map(\.bitPattern) == cut.read(b).map(\.bitPattern))
    }
    let (a, b) = (whole.bf16Weights.all(as: .bfloat16), cut.bf16Weights.all(as: .bfloat16))
    #expect(
      (0..<2 * count).allSatisfy { i in
        a.bytes.unsafeLoad(fromByteOffset: i, as: UInt8.self) == b.bytes.unsafeLoad(fromByteOffset: i, as: UInt8.self)
      })
  }

  @Test(arguments: formulaCases)
  func measuringChangesNothing(_ example: FormulaCase) throws {
    let measured = try Workbench(example.json, count: 50)
    let plain = try Workbench(example.json, count: 50)
    for step in 1...3 {
      _ = measured.step(scalars(step: step))
      #expect(plain.step(scalars(step: step), measures: false) == UpdateStatistics())
    }
    #expect(measured.read(measured.parameter) == plain.read(plain.parameter))
  }
}
