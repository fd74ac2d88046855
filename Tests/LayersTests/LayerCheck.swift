import Kernels
import Layers
import Tensors

/// The rules that every layer must follow; a layer that passes can be part of any plan.
///
/// Each check returns complaints rather than recording them, so that a test can run it on a wrong layer.
struct LayerCheck {
  let layer: any Layer
  /// Central differences move inputs and parameters by this times a standard normal direction.
  var difference: Float = 0.01
  /// Whether evaluation computes the same as training.
  var isSameInInference = true

  /// Relative to the length of the gradient.
  private static let derivativeTolerance = 2e-3
  private static let bfloat16Tolerance = 0.02
  private static let directions = 4
  private static let types: [ElementType] = OneDNN.supportsBFloat16 ? [.float32, .bfloat16] : [.float32]

  func complaints() -> [String] {
    preparation() + forward() + backward() + accumulation() + unwantedGradients() + derivatives() + inference()
      + bfloat16()
  }

  private func bench(_ change: (inout Conditions) -> Void = { _ in }) -> LayerBench {
    var conditions = Conditions()
    change(&conditions)
    let bench = LayerBench(layer, conditions)
    bench.fill()
    return bench
  }

  /// Preparing writes what is prepared, the same bits each time, and nothing else.
  func preparation() -> [String] {
    let bench = bench()
    let first = bench.prepared.map(\.bits)
    bench.poison(bench.inputs + bench.results + bench.gradients + [bench.outputGradient, bench.scratch])
    var complaints = bench.trespasses(in: bench.prepare, writable: bench.prepared + [bench.scratch]).map {
      "preparation: \($0)"
    }
    if bench.prepared.map(\.bits) != first { complaints.append("preparation: differs when repeated") }
    return complaints
  }

  /// Forward fills its results, the same bits each time, and writes nothing else.
  func forward() -> [String] {
    let bench = bench()
    let writable = bench.results + [bench.scratch]
    var complaints = bench.trespasses(in: bench.forward, writable: writable).map { "forward: \($0)" }
    if bench.output.values.contains(where: \.isNaN) { complaints.append("forward: leaves output unwritten") }
    let (first, loss) = (bench.results.map(\.bits), bench.loss)
    bench.poison(writable)
    bench.forward()
    if bench.results.map(\.bits) != first || bench.loss != loss { complaints.append("forward: differs when repeated") }
    return complaints
  }

  /// Runs forward, poisons the tensors that backward does not declare to read, and sets the output's gradient.
  private func prepareBackward(_ bench: LayerBench) {
    bench.forward()
    bench.poison(bench.inputs.indices.filter { !layer.backwardReads.contains(.input($0)) }.map { bench.inputs[$0] })
    if !layer.backwardReads.contains(.output) { bench.poison([bench.output]) }
    bench.poison([bench.scratch])
    bench.fillOutputGradient()
  }

  /// Backward sets every gradient, the same bits each time, and reads and writes nothing that it did not declare.
  func backward() -> [String] {
    let bench = bench()
    prepareBackward(bench)
    let writable = bench.gradients + [bench.scratch, bench.outputGradient]
    var complaints = bench.trespasses(in: bench.backward, writable: writable).map { "backward: \($0)" }
    if bench.gradients.contains(where: { $0.values.contains(where: \.isNaN) }) {
      complaints.append("backward: leaves gradients unwritten, or reads what it did not declare")
    }
    let first = bench.gradients.map(\.bits)
    bench.poison(bench.gradients)
    bench.fillOutputGradient()
    bench.backward()
    if bench.gradients.map(\.bits) != first { complaints.append("backward: differs when repeated") }
    return complaints
  }

  /// Backward adds to gradients where the frame says so; a loss is always the first to write.
  func accumulation() -> [String] {
    if layer is any Loss { return [] }
    return Self.types.flatMap { type -> [String] in
      let (plain, adding) = (bench { $0.activations = type }, bench { ($0.activations, $0.accumulates) = (type, true) })
      var before: [[Float]] = []
      for (index, gradient) in adding.gradients.enumerated() {
        let random = RandomStream(seed: 15, purpose: .checking, stream: index)
        gradient.values = (0..<gradient.slice.count).map(random.normal)
        before.append(gradient.values)
      }
      for bench in [plain, adding] {
        prepareBackward(bench)
        bench.backward()
      }
      let wrong = plain.gradients.indices.contains { index in
        let sums = zip(before[index], plain.gradients[index].values).map { Double($0) + Double($1) }
        return Self.distance(adding.gradients[index].values, sums) > (type == .float32 ? 1e-5 : Self.bfloat16Tolerance)
      }
      return wrong ? ["backward: does not add to \(type) gradients where it should"] : []
    }
  }

  /// Gradients that are not needed do not change the others.
  func unwantedGradients() -> [String] {
    let benches = [bench(), bench { $0.needsInputGradients = false }, bench { $0.trainsParameters = false }]
    var complaints: [String] = []
    for bench in benches {
      prepareBackward(bench)
      let writable = bench.gradients + [bench.scratch, bench.outputGradient]
      complaints += bench.trespasses(in: bench.backward, writable: writable).map { "some gradients: \($0)" }
    }
    if benches[1].parameterGradients.map(\.bits) != benches[0].parameterGradients.map(\.bits) {
      complaints.append("backward: parameter gradients depend on whether the input's is wanted")
    }
    if benches[2].inputGradients.map(\.bits) != benches[0].inputGradients.map(\.bits) {
      complaints.append("backward: input gradients depend on whether the parameters' are wanted")
    }
    return complaints
  }

  /// The gradients agree with central differences along random directions.
  func derivatives() -> [String] {
    let bench = bench()
    prepareBackward(bench)
    bench.backward()
    bench.fill()
    bench.fillOutputGradient()
    let weights = bench.outputGradient.values.map(Double.init)
    // The function that backward differentiates: the output weighed by its gradient, summed in float64.
    func objective() -> Double {
      bench.prepare()
      bench.forward()
      return layer is any Loss
        ? bench.loss.value : zip(bench.output.values, weights).reduce(0) { $0 + Double($1.0) * $1.1 }
    }
    var complaints: [String] = []
    let moved = bench.inputs + bench.parameters
    for (index, (tensor, gradient)) in zip(moved, bench.gradients).enumerated() where gradient.slice.count > 0 {
      let start = tensor.values
      let slopes = gradient.values.map(Double.init)
      let length = slopes.reduce(0) { $0 + $1 * $1 }.squareRoot()
      for direction in 0..<Self.directions {
        let random = RandomStream(seed: 16, purpose: .checking, stream: index * Self.directions + direction)
        let step = (0..<start.count).map { difference * random.normal($0) }
        tensor.values = zip(start, step).map(+)
        let (ahead, above) = (objective(), tensor.values)
        tensor.values = zip(start, step).map(-)
        let (behind, below) = (objective(), tensor.values)
        // By the actual distance in float32.
        let expected = zip(slopes, zip(above, below)).reduce(0) { $0 + $1.0 * (Double($1.1.0) - Double($1.1.1)) }
        let tolerance = 2 * Double(difference) * Self.derivativeTolerance * (length + 1e-2)
        if !(abs(ahead - behind - expected) <= tolerance) {
          let name = index < bench.inputs.count ? "input \(index)" : "parameter \(index - bench.inputs.count)"
          complaints.append("derivative of \(name): differences give \(ahead - behind), the gradient \(expected)")
        }
      }
      tensor.values = start
    }
    return complaints
  }

  /// Evaluation computes the same as training where it should, and does not write batch statistics.
  func inference() -> [String] {
    let (training, inference) = (bench(), bench { $0.isTraining = false })
    training.forward()
    let writable = [inference.output, inference.scratch] + inference.saved + inference.sequenceState
    var complaints = inference.trespasses(in: inference.forward, writable: writable).map { "inference: \($0)" }
    if inference.output.values.contains(where: \.isNaN) { complaints.append("inference: leaves output unwritten") }
    let isSame = inference.output.bits == training.output.bits && inference.loss == training.loss
    if isSame != isSameInInference {
      complaints.append("inference: \(isSame ? "does not differ" : "differs") from training")
    }
    return complaints
  }

  /// bfloat16 activations give the results of float32, rounded.
  func bfloat16() -> [String] {
    guard Self.types.contains(.bfloat16) else { return [] }
    let reference = bench()
    let outputs = [false, true].filter { !$0 || layer.canWidenOutput }
    return outputs.flatMap { widens -> [String] in
      let rounded = bench { ($0.activations, $0.widensOutput) = (.bfloat16, widens) }
      var complaints: [String] = []
      for bench in [reference, rounded] {
        bench.fill()
        let writable = bench.results + [bench.scratch]
        complaints += bench.trespasses(in: bench.forward, writable: writable).map { "bfloat16 forward: \($0)" }
      }
      let outputs = (rounded.output.values, reference.output.values.map(Double.init))
      let losses = ([Float(rounded.loss.value)], [reference.loss.value])
      if max(Self.distance(outputs.0, outputs.1), Self.distance(losses.0, losses.1)) > Self.bfloat16Tolerance {
        complaints.append("bfloat16: the output is far from float32's")
      }
      for bench in [reference, rounded] {
        prepareBackward(bench)
        let writable = bench.gradients + [bench.scratch, bench.outputGradient]
        complaints += bench.trespasses(in: bench.backward, writable: writable).map { "bfloat16 backward: \($0)" }
      }
      for (index, (a, b)) in zip(rounded.gradients, reference.gradients).enumerated() {
        if Self.distance(a.values, b.values.map(Double.init)) > Self.bfloat16Tolerance {
          complaints.append("bfloat16: gradient \(index) is far from float32's")
        }
      }
      return complaints
    }
  }

  /// ‖a − b‖ relative to ‖b‖; infinite where either holds a NaN.
  private static func distance(_ a: [Float], _ b: [Double]) -> Double {
    let difference = zip(a, b).reduce(0) { $0 + (Double($1.0) - $1.1) * (Double($1.0) - $1.1) }.squareRoot()
    let length = b.reduce(0) { $0 + $1 * $1 }.squareRoot()
    return difference.isNaN ? .infinity : difference / max(length, 1e-12)
  }
}
