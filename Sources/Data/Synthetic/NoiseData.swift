import Configuration
import Tensors

/// Random numbers for benchmarks, where only the shapes matter: normal inputs with labels, tokens with successors, or
/// noise to predict at random times.
package struct NoiseData: DataKind {
  package static let kind = "noise"
  package static let documentation =
    "generated: standard normal inputs with random labels, random tokens, or noise to predict, for benchmarks"

  package var count = 1024
  package var shape = TensorShape([64])
  package var classes = 10
  /// The bound of tokens; nil for inputs that are values.
  package var vocabulary: Int?
  /// The bound of a diffusion's times; nil where there is none.
  package var timeSteps: Int?

  package init() {}

  package init(count: Int, shape: TensorShape, classes: Int) {
    self.count = count
    self.shape = shape
    self.classes = classes
  }

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    count = try reader.integer("count", default: 1024, in: 1...100_000_000, "number of samples")
    let extents = try reader.optionalIntegers("shape", in: 1...1_000_000, "extents of a sample (default [64])")
    let classes = try reader.optionalInteger("classes", in: 2...1_000_000, "number of classes (default 10)")
    self.classes = classes ?? self.classes
    vocabulary = try reader.optionalInteger(
      "vocabulary", in: 2...1_000_000,
      "makes samples sequences of tokens below this, with a token to predict at each place")
    timeSteps = try reader.optionalInteger(
      "time_steps", in: 1...1_000_000,
      "makes targets values of the sample's shape, and adds a field \"time\" of numbers below this, as for diffusion"
    )
    for (key, isThere) in [("classes", classes != nil), ("vocabulary", vocabulary != nil)] {
      try reader.require(
        timeSteps == nil || !isThere, key, "is not used with \"time_steps\": targets are values")
    }
    try reader.require(
      vocabulary == nil || classes == nil, "classes", "is not used with \"vocabulary\": every token is a class")
    let checked = TensorShape(checking: extents ?? [64])
    try reader.require(checked != nil, "shape", "is too large")
    shape = checked ?? TensorShape([64])
    let (values, overflow) = count.multipliedReportingOverflow(by: shape.elementCount)
    try reader.require(
      !overflow && values <= 1 << 30, nil, "count · shape must be at most 2³⁰ values, which all lie in memory")
  }

  package var expectedByteCount: Int? {
    count * 4 * shape.elementCount * (vocabulary == nil && timeSteps == nil ? 1 : 2) + count * 4
  }

  package var outline: (few: any DataKind, count: Int)? {
    var few = self
    few.count = 1
    return (few, count)
  }

  package func open(seed: UInt64) throws(DataError) -> OpenedSamples {
    if let vocabulary { return OpenedSamples(samples: tokens(vocabulary, seed: seed)) }
    var columns = [normal(SampleField.input, seed: seed, stream: 0)]
    if let timeSteps {
      columns.append(numbers("time", below: timeSteps, seed: seed))
      columns.append(normal(SampleField.target, seed: seed, stream: 2))
    } else {
      columns.append(numbers(SampleField.target, below: classes, seed: seed))
    }
    let settings = "noise 1 \(count) \(shape) \(timeSteps.map { "times \($0)" } ?? "\(classes)") \(seed)"
    return OpenedSamples(
      samples: MemorySamples(
        name: Self.kind, count: count, columns: columns, fingerprint: Fingerprint.of(settings, count: count)))
  }

  private func normal(_ name: String, seed: UInt64, stream: Int) -> MemorySamples.Column {
    var values = [Float](repeating: 0, count: count * shape.elementCount)
    let random = RandomStream(seed: seed, purpose: .generation, stream: stream)
    for i in values.indices { values[i] = random.normal(i) }
    return .init(SampleField(name: name, shape: shape, type: .float32), .floats(values))
  }

  private func numbers(_ name: String, below bound: Int, seed: UInt64) -> MemorySamples.Column {
    let random = RandomStream(seed: seed, purpose: .generation, stream: 1)
    let values = (0..<count).map { Int32(random.integer($0, below: bound)) }
    return .init(SampleField(name: name, shape: .scalar, type: .int32, classCount: bound), .integers(values))
  }

  private func tokens(_ vocabulary: Int, seed: UInt64) -> MemorySamples {
    let fields = [SampleField.input, SampleField.target]
    let columns = fields.enumerated().map { index, name -> MemorySamples.Column in
      let stream = RandomStream(seed: seed, purpose: .generation, stream: index)
      let values = (0..<count * shape.elementCount).map { Int32(stream.integer($0, below: vocabulary)) }
      return .init(SampleField(name: name, shape: shape, type: .int32, classCount: vocabulary), .integers(values))
    }
    let settings = "noise tokens 1 \(count) \(shape) \(vocabulary) \(seed)"
    return MemorySamples(
      name: Self.kind, count: count, columns: columns, fingerprint: Fingerprint.of(settings, count: count))
  }
}
