import FoundationEssentials
import Glibc
import Metrics

/// Makes run folders like those of real training, from formulas and a small generator.
package struct FakeRun {
  package var name: String
  package var activation: String
  package var depth: Int
  package var width: Int
  package var steps: Int
  package var stepsPerEpoch: Int
  package var normsEvery: Int
  /// Factor by which the gradient shrinks from a layer to the one before it.
  package var decay: Double
  package var learns: Bool
  package var state: UInt64 = 42

  package init(
    name: String, activation: String = "relu", depth: Int = 50, width: Int = 256, steps: Int = 2000,
    stepsPerEpoch: Int = 200, normsEvery: Int = 1, decay: Double = 0.99, learns: Bool = true
  ) {
    self.name = name
    self.activation = activation
    self.depth = depth
    self.width = width
    self.steps = steps
    self.stepsPerEpoch = stepsPerEpoch
    self.normsEvery = normsEvery
    self.decay = decay
    self.learns = learns
  }

  package mutating func uniform() -> Double {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Double(state >> 11) / Double(1 << 53)
  }

  /// About normal, with deviation 1.
  package mutating func noise() -> Double { (0..<6).reduce(0) { sum, _ in sum + uniform() - 0.5 } * 1.414 }

  package var header: RunHeader {
    var tensors: [TensorDescription] = []
    for layer in 0...depth {
      let inputs = layer == 0 ? 784 : width
      let outputs = layer == depth ? 10 : width
      tensors.append(
        TensorDescription(name: "layers.\(layer).weight", elementCount: inputs * outputs, depth: layer, isWeight: true))
      tensors.append(
        TensorDescription(name: "layers.\(layer).bias", elementCount: outputs, depth: layer, isWeight: false))
    }
    return RunHeader(
      name: name, family: "mlp", parameterCount: tensors.reduce(0) { $0 + $1.elementCount }, seed: 1,
      precision: "float32", microBatches: 2, lanes: 2, started: "2025-03-01T12:00:00Z", hostThreads: 2,
      tensors: tensors, activationLayers: (0..<depth).map { "layers.\($0).\(activation)" })
  }

  func loss(_ progress: Double) -> Double {
    learns ? 0.08 + 2.25 * exp(-6 * progress) : 2.3026 + 0.004 * exp(-20 * progress)
  }

  func learningRate(_ step: Int) -> Double {
    let warmUp = 50
    let peak = 3e-4
    if step <= warmUp { return peak * Double(step) / Double(warmUp) }
    return peak * 0.5 * (1 + cos(Double.pi * Double(step - warmUp) / Double(max(1, steps - warmUp))))
  }

  package mutating func norms(_ step: Int, _ header: RunHeader) -> [TensorNorms] {
    let progress = Double(step) / Double(steps)
    return header.tensors.map { tensor in
      let root = Double(tensor.elementCount).squareRoot()
      let rms = 2e-3 * pow(decay, Double(depth - tensor.depth)) * exp(0.3 * noise()) * (1 - 0.7 * progress)
      // As flush-to-zero leaves it.
      let gradient = rms < 1.2e-38 ? 0 : rms * root
      let parameter = root * 0.088 * (1 + 0.3 * progress)
      let update = learningRate(step) * root * (0.4 + 0.1 * uniform()) * (gradient == 0 ? 0.01 : 1)
      return TensorNorms(
        gradientL2: Float(gradient), gradientMax: Float(gradient * 0.02), gradientNonfinite: 0,
        parameterL2: Float(parameter), parameterMax: Float(parameter * 0.01), updateL2: Float(update),
        updateMax: Float(update * 0.004))
    }
  }

  mutating func activations(_ step: Int) -> [ActivationStatistics] {
    (0..<depth).map { layer in
      let place = Double(layer) / Double(depth)
      if activation == "sigmoid" {
        return ActivationStatistics(
          rms: Float(0.52 + 0.02 * noise()), dead: 0, saturated: Float(0.1 + 0.25 * place + 0.01 * noise()))
      }
      return ActivationStatistics(
        rms: Float(0.9 * exp(-0.6 * place) * exp(0.05 * noise())), dead: Float(0.04 + 0.2 * place * uniform()),
        saturated: 0)
    }
  }

  var configuration: String {
    """
    {"name": "\(name)", "seed": 1, "data": {"type": "glyphs", "batch_size": 128, "standardize": true},
     "model": {"type": "mlp", "depth": \(depth), "width": \(width), "activation": "\(activation)",
               "initializer": "\(activation == "relu" ? "he_normal" : "glorot_uniform")", "residual": false},
     "optimizer": {"type": "adamw", "learning_rate": 3e-4, "betas": [0.9, 0.999], "weight_decay": 0.01},
     "clipping": {"type": "global_norm", "threshold": 1}, "training": {"duration": "10 epochs"}}
    """
  }

  /// Writes `metrics.jsonl` and `config.resolved.json`.
  package mutating func write(to folder: URL) throws {
    let header = header
    let writer = try MetricsWriter(folder: folder, resumeAt: nil)
    try writer.run(header)
    for step in 1...steps {
      let progress = Double(step) / Double(steps)
      let norm = (learns ? 1.6 * exp(-2 * progress) + 0.2 : 0.05) * exp(0.35 * noise())
      let milliseconds = 5 * exp(0.08 * noise())
      try writer.step(
        StepRecord(
          step: step, epoch: Double(step) / Double(stepsPerEpoch), loss: Float(loss(progress) * exp(0.12 * noise())),
          learningRate: learningRate(step), gradientNorm: Float(norm), clipScale: Float(min(1, 1 / norm)),
          samplesPerSecond: 128_000 / milliseconds, stepMilliseconds: milliseconds))
      if step % normsEvery == 0 { try writer.norms(step: step, norms(step, header).span) }
      if step == 1 || step % stepsPerEpoch == 0 {
        try writer.activations(step: step, activations(step).span)
        let accuracy = learns ? 0.985 - 0.88 * exp(-7 * progress) : 0.1 + 0.004 * noise()
        for isEMA in learns ? [false, true] : [false] {
          try writer.validation(
            ValidationRecord(
              step: step, split: "validation", loss: Float(loss(progress) * 1.1 + 0.03 - (isEMA ? 0.02 : 0)),
              accuracy: Float(accuracy), count: 1000, isEMA: isEMA))
        }
        let seconds = 5e-3 * Double(stepsPerEpoch)
        try writer.stages(
          StagesRecord(
            step: step,
            stages: [
              StageTime(name: "loader", busy: 0.22 * seconds, waiting: 0.78 * seconds),
              StageTime(name: "lane 0", busy: 0.96 * seconds, waiting: 0.04 * seconds),
              StageTime(name: "lane 1", busy: 0.94 * seconds, waiting: 0.06 * seconds),
              StageTime(name: "optimizer", busy: 0.18 * seconds, waiting: 0.82 * seconds),
              StageTime(name: "writer", busy: 0.03 * seconds, waiting: 0.97 * seconds),
              StageTime(name: "recorder", busy: 0.02 * seconds, waiting: 0.98 * seconds),
            ]))
        try writer.event(EventRecord(step: step, kind: .checkpoint, text: "step-\(step).h5 written and verified"))
      }
    }
    try writer.event(EventRecord(step: steps, kind: .finished, text: "10 epochs done"))
    try writer.flush()
    try Data(configuration.utf8).write(to: folder.appending(path: "config.resolved.json"))
  }
}
