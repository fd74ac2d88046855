import Foundation
import Kernels
import Tensors
import Testing

/// One element of PyTorch's single-tensor optimizers, in float64.
private struct Reference {
  var parameter: Double
  var slots = [0.0, 0.0, 0.0]
  let update: (inout Reference, _ gradient: Double, _ step: Int, _ decay: Double, _ rate: Double) -> Void
}

struct FormulaCase: Sendable, CustomTestStringConvertible {
  let json: String
  let slotNames: [String]
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
    r.slots[0] = step == 1 ? g : momentum * r.slots[0] + (1 - dampening) * g
    r.parameter -= rate * (nesterov ? g + momentum * r.slots[0] : r.slots[0])
  }
}

private func adam(_ b1: Double, _ b2: Double, _ epsilon: Double, decoupled: Bool)
  -> @Sendable (inout Reference, Double, Int, Double, Double) -> Void
{
  { r, gradient, step, decay, rate in
    let g = decoupled ? gradient : gradient + decay * r.parameter
    if decoupled { r.parameter *= 1 - rate * decay }
    r.slots[0] = b1 * r.slots[0] + (1 - b1) * g
    r.slots[1] = b2 * r.slots[1] + (1 - b2) * g * g
    let denominator = sqrt(r.slots[1]) / sqrt(1 - pow(b2, Double(step))) + epsilon
    r.parameter -= rate / (1 - pow(b1, Double(step))) * r.slots[0] / denominator
  }
}

private func rmsprop(_ alpha: Double, _ epsilon: Double, _ momentum: Double, centered: Bool)
  -> @Sendable (inout Reference, Double, Int, Double, Double) -> Void
{
  { r, gradient, step, decay, rate in
    let g = gradient + decay * r.parameter
    r.slots[0] = alpha * r.slots[0] + (1 - alpha) * g * g
    var variance = r.slots[0]
    if centered {
      let index = momentum > 0 ? 2 : 1
      r.slots[index] = alpha * r.slots[index] + (1 - alpha) * g
      variance -= r.slots[index] * r.slots[index]
    }
    let direction = g / (sqrt(variance) + epsilon)
    guard momentum > 0 else {
      r.parameter -= rate * direction
      return
    }
    r.slots[1] = momentum * r.slots[1] + direction
    r.parameter -= rate * r.slots[1]
  }
}

private func lion(_ b1: Double, _ b2: Double) -> @Sendable (inout Reference, Double, Int, Double, Double) -> Void {
  { r, gradient, step, decay, rate in
    let direction = b1 * r.slots[0] + (1 - b1) * gradient
    r.parameter = r.parameter * (1 - rate * decay) - rate * (direction > 0 ? 1 : direction < 0 ? -1 : 0)
    r.slots[0] = b2 * r.slots[0] + (1 - b2) * gradient
  }
}

let formulaCases = [
  FormulaCase(json: #"{"type": "sgd"}"#, slotNames: [], update: sgd(0, 0, false)),
  FormulaCase(json: #"{"type": "sgd", "momentum": 0.9}"#, slotNames: ["momentum_buffer"], update: sgd(0.9, 0, false)),
  FormulaCase(
    json: #"{"type": "sgd", "momentum": 0.9, "dampening": 0.3}"#, slotNames: ["momentum_buffer"],
    update: sgd(0.9, 0.3, false)),
  FormulaCase(
    json: #"{"type": "sgd", "momentum": 0.9, "nesterov": true}"#, slotNames: ["momentum_buffer"],
    update: sgd(0.9, 0, true)),
  FormulaCase(
    json: #"{"type": "adam"}"#, slotNames: ["exp_avg", "exp_avg_sq"], update: adam(0.9, 0.999, 1e-8, decoupled: false)),
  FormulaCase(
    json: #"{"type": "adamw", "betas": [0.8, 0.95], "epsilon": 1e-6}"#, slotNames: ["exp_avg", "exp_avg_sq"],
    update: adam(0.8, 0.95, 1e-6, decoupled: true)),
  FormulaCase(
    json: #"{"type": "rmsprop"}"#, slotNames: ["square_avg"], update: rmsprop(0.99, 1e-8, 0, centered: false)),
  FormulaCase(
    json: #"{"type": "rmsprop", "alpha": 0.9, "centered": true}"#, slotNames: ["square_avg", "grad_avg"],
    update: rmsprop(0.9, 1e-8, 0, centered: true)),
  FormulaCase(
    json: #"{"type": "rmsprop", "momentum": 0.9}"#, slotNames: ["square_avg", "momentum_buffer"],
    update: rmsprop(0.99, 1e-8, 0.9, centered: false)),
  FormulaCase(
    json: #"{"type": "rmsprop", "momentum": 0.5, "centered": true, "epsilon": 1e-3}"#,
    slotNames: ["square_avg", "momentum_buffer", "grad_avg"], update: rmsprop(0.99, 1e-3, 0.5, centered: true)),
  FormulaCase(json: #"{"type": "lion"}"#, slotNames: ["exp_avg"], update: lion(0.9, 0.99)),
]

@Suite struct OptimizerFormulaTests {
  /// 37 elements: two whole vectors and a tail.
  @Test(arguments: formulaCases, [0, 0.1])
  func followsPyTorch(_ example: FormulaCase, decay: Double) throws {
    let bench = try Workbench(example.json, count: 37)
    #expect(bench.optimizer.slotNames == example.slotNames)
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
    for (index, slot) in bench.slots.enumerated() {
      let values = bench.read(slot)
      for i in references.indices {
        #expect(abs(Double(values[i]) - references[i].slots[index]) < 2e-5 * max(1, abs(references[i].slots[index])))
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
    for (a, b) in zip([whole.parameter, whole.average] + whole.slots, [cut.parameter, cut.average] + cut.slots) {
      #expect(whole.read(a).map(\.bitPattern) == cut.read(b).map(\.bitPattern))
    }
    let (a, b) = (whole.shadow.all(as: .bfloat16), cut.shadow.all(as: .bfloat16))
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
