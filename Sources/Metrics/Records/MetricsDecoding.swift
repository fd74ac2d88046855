import JSON

/// From JSON to records. Nil marks a damaged line: a key missing, of another type, or arrays of different lengths.
extension MetricsLine {
  init?(_ node: JSON) {
    guard let kind = node["kind"]?.string else { return nil }
    if kind == "run" {
      guard let header = RunHeader(node) else { return nil }
      self = .run(header)
      return
    }
    guard let step = node["step"]?.count, let line = Self.line(kind, step: step, node) else { return nil }
    self = line
  }

  private static func line(_ kind: String, step: Int, _ node: JSON) -> MetricsLine? {
    switch kind {
    case "step": StepRecord(step: step, node).map { .step($0) }
    case "norms": NormsRecord(step: step, node).map { .norms($0) }
    case "activations": ActivationsRecord(step: step, node).map { .activations($0) }
    case "validation": ValidationRecord(step: step, node).map { .validation($0) }
    case "stages": StagesRecord(step: step, node).map { .stages($0) }
    case "event": EventRecord(step: step, node).map { .event($0) }
    case "verdict": GradientFlow(node).map { .verdict(step: step, $0) }
    default: nil
    }
  }
}

extension JSON {
  /// An array of numbers, or of strings that stand for non-finite ones.
  private var floatingPoints: [Double]? { array.flatMap { $0.every(\.floatingPoint) } }

  /// An array of strings.
  fileprivate var strings: [String]? { array.flatMap { $0.every(\.string) } }

  fileprivate func floats(_ key: String, count: Int? = nil) -> [Double]? {
    guard let values = self[key]?.floatingPoints, count == nil || values.count == count else { return nil }
    return values
  }
}

extension Array {
  /// What `transform` makes of all elements; nil where it makes nothing of one.
  fileprivate func every<Result>(_ transform: (Element) -> Result?) -> [Result]? {
    var results: [Result] = []
    results.reserveCapacity(count)
    for element in self {
      guard let result = transform(element) else { return nil }
      results.append(result)
    }
    return results
  }
}

extension RunHeader {
  init?(_ node: JSON) {
    guard let name = node["name"]?.string, let family = node["family"]?.string,
      let parameterCount = node["parameter_count"]?.count, let seed = node["seed"]?.unsigned,
      let precision = node["precision"]?.string, let microBatches = node["micro_batches"]?.count,
      let lanes = node["lanes"]?.count, let started = node["started"]?.string,
      let hostThreads = node["host_threads"]?.count,
      let tensors = node["tensors"]?.array?.every({ TensorDescription($0) }),
      let activationLayers = node["activation_layers"]?.strings
    else { return nil }
    self.init(
      name: name, family: family, parameterCount: parameterCount, seed: seed, precision: precision,
      microBatches: microBatches, lanes: lanes, started: started, hostThreads: hostThreads, tensors: tensors,
      activationLayers: activationLayers)
  }
}

extension TensorDescription {
  init?(_ node: JSON) {
    guard let name = node["name"]?.string, let elements = node["elements"]?.count, let depth = node["depth"]?.count,
      let isWeight = node["is_weight"]?.boolean
    else { return nil }
    self.init(name: name, elementCount: elements, depth: depth, isWeight: isWeight)
  }
}

extension StepRecord {
  init?(step: Int, _ node: JSON) {
    guard let epoch = node["epoch"]?.floatingPoint, let loss = node["loss"]?.floatingPoint,
      let learningRate = node["learning_rate"]?.floatingPoint, let gradientNorm = node["gradient_norm"]?.floatingPoint,
      let clipScale = node["clip_scale"]?.floatingPoint,
      let samplesPerSecond = node["samples_per_second"]?.floatingPoint,
      let stepMilliseconds = node["step_ms"]?.floatingPoint
    else { return nil }
    self.init(
      step: step, epoch: epoch, loss: Float(loss), learningRate: learningRate, gradientNorm: Float(gradientNorm),
      clipScale: Float(clipScale), samplesPerSecond: samplesPerSecond, stepMilliseconds: stepMilliseconds)
  }
}

extension NormsRecord {
  init?(step: Int, _ node: JSON) {
    guard let gradientL2 = node.floats("gradient_l2") else { return nil }
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
  init?(step: Int, _ node: JSON) {
    guard let rms = node.floats("rms"), let dead = node.floats("dead", count: rms.count),
      let saturated = node.floats("saturated", count: rms.count)
    else { return nil }
    let layers = rms.indices.map { index in
      ActivationStatistics(rms: Float(rms[index]), dead: Float(dead[index]), saturated: Float(saturated[index]))
    }
    self.init(step: step, layers: layers)
  }
}

extension ValidationRecord {
  init?(step: Int, _ node: JSON) {
    guard let split = node["split"]?.string, let loss = node["loss"]?.floatingPoint, let count = node["count"]?.count,
      let isEMA = node["is_ema"]?.boolean
    else { return nil }
    let accuracy = node["accuracy"]?.floatingPoint.map { Float($0) }
    let exactMatch = node["exact_match"]?.floatingPoint.map { Float($0) }
    let levels = node["noise_levels"]?.array.flatMap { node.floats("noise_levels", count: $0.count) }
    self.init(
      step: step, split: split, loss: Float(loss), accuracy: accuracy, count: count, exactMatch: exactMatch,
      noiseLevels: levels.map { $0.map { Float($0) } }, isEMA: isEMA)
  }
}

extension StagesRecord {
  init?(step: Int, _ node: JSON) {
    guard let names = node["names"]?.strings,
      let busy = node.floats("busy", count: names.count), let waiting = node.floats("waiting", count: names.count)
    else { return nil }
    let stages = names.indices.map { StageTime(name: names[$0], busy: busy[$0], waiting: waiting[$0]) }
    self.init(step: step, stages: stages)
  }
}

extension EventRecord {
  init?(step: Int, _ node: JSON) {
    guard let kind = node["event"]?.string, let text = node["text"]?.string else { return nil }
    // A kind that a later version has added is still worth showing.
    self.init(step: step, kind: Kind(rawValue: kind) ?? .note, text: text)
  }
}

extension GradientFlow {
  init?(_ node: JSON) {
    guard let verdict = node["verdict"]?.string.flatMap({ Verdict(rawValue: $0) }),
      let slope = node["slope"]?.floatingPoint, let change = node["change"]?.floatingPoint,
      let depths = node["depths"]?.array?.every({ $0.double.flatMap { Int(exactly: $0) } }),
      let medians = node.floats("log10_rms", count: depths.count),
      let sentence = node["sentence"]?.string, let advice = node["advice"]?.string
    else { return nil }
    self.init(
      verdict: verdict, slope: slope, change: change, depths: depths, medians: medians, sentence: sentence,
      advice: advice)
  }
}
