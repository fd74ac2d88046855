import JSON

/// From JSON to records. Nil marks a damaged line: a key missing, of another type, or arrays of different lengths.
extension MetricsLine {
  init?(_ node: JSON) {
    guard let kind = node["kind"]?.string, let line = try? Self.line(kind, node) else { return nil }
    self = line
  }

  private static func line(_ kind: String, _ node: JSON) throws(JSONMismatch) -> MetricsLine? {
    switch kind {
    case "run": .run(try RunHeader(json: node))
    case "step": StepRecord(node).map { .step($0) }
    case "norms": NormsRecord(node).map { .norms($0) }
    case "activations": ActivationsRecord(node).map { .activations($0) }
    case "validation": .validation(try ValidationRecord(json: node))
    case "stages": .stages(try StagesRecord(json: node))
    case "event": .event(try EventRecord(json: node))
    case "verdict": .verdict(step: try node.member("step"), try GradientFlow(json: node))
    default: nil
    }
  }
}

// The frequent lines are decoded by hand, which is faster than by a `JSONCoder`.

extension JSON {
  fileprivate func floats(_ key: String, count: Int? = nil) -> [Double]? {
    guard let values = self[key].flatMap({ try? [Double](json: $0) }), count == nil || values.count == count else {
      return nil
    }
    return values
  }
}

extension StepRecord {
  fileprivate init?(_ node: JSON) {
    guard let step = node["step"]?.count, let epoch = node["epoch"]?.floatingPoint,
      let loss = node["loss"]?.floatingPoint, let learningRate = node["learning_rate"]?.floatingPoint,
      let gradientNorm = node["gradient_norm"]?.floatingPoint, let clipScale = node["clip_scale"]?.floatingPoint,
      let samplesPerSecond = node["samples_per_second"]?.floatingPoint,
      let stepMilliseconds = node["step_ms"]?.floatingPoint
    else { return nil }
    self.init(
      step: step, epoch: epoch, loss: Float(loss), learningRate: learningRate, gradientNorm: Float(gradientNorm),
      clipScale: Float(clipScale), samplesPerSecond: samplesPerSecond, stepMilliseconds: stepMilliseconds)
  }
}

extension NormsRecord {
  fileprivate init?(_ node: JSON) {
    guard let step = node["step"]?.count, let gradientL2 = node.floats("gradient_l2") else { return nil }
    let count = gradientL2.count
    guard let gradientMax = node.floats("gradient_max", count: count),
      let gradientNonfinite = node.floats("gradient_nonfinite", count: count),
      let parameterL2 = node.floats("parameter_l2", count: count),
      let parameterMax = node.floats("parameter_max", count: count),
      let updateL2 = node.floats("update_l2", count: count), let updateMax = node.floats("update_max", count: count)
    else { return nil }
    let tensors = gradientL2.indices.map { index in
      TensorNorms(
        gradientL2: Float(gradientL2[index]), gradientMax: Float(gradientMax[index]),
        gradientNonfinite: UInt32(min(max(0, gradientNonfinite[index]), Double(UInt32.max))),
        parameterL2: Float(parameterL2[index]), parameterMax: Float(parameterMax[index]),
        updateL2: Float(updateL2[index]), updateMax: Float(updateMax[index]))
    }
    self.init(step: step, tensors: tensors)
  }
}

extension ActivationsRecord {
  fileprivate init?(_ node: JSON) {
    guard let step = node["step"]?.count, let rms = node.floats("rms"),
      let dead = node.floats("dead", count: rms.count), let saturated = node.floats("saturated", count: rms.count)
    else { return nil }
    let layers = rms.indices.map { index in
      ActivationStatistics(rms: Float(rms[index]), dead: Float(dead[index]), saturated: Float(saturated[index]))
    }
    self.init(step: step, layers: layers)
  }
}
