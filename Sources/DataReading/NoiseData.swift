import Arenas
import Configuration

/// Standard normal inputs with random labels, or random tokens with random successors: for benchmarks, where only the
/// shapes matter.
package struct NoiseData: DataKind {
  package static let kind = "noise"
  package static let documentation =
    "generated: standard normal inputs with random labels, or random tokens, for benchmarks"

  package var count = 1024
  package var shape = TensorShape([64])
  package var classes = 10
  /// What tokens are below; nil for inputs that are values.
  package var vocabulary: Int?

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
      "makes samples sequences of so many tokens, with a token to predict at each place")
    try reader.require(
      vocabulary == nil || classes == nil, "classes", "never used with \"vocabulary\": every token is a class")
    let checked = TensorShape(checking: extents ?? [64])
    try reader.require(checked != nil, "shape", "is too large")
    shape = checked ?? TensorShape([64])
    let (values, overflow) = count.multipliedReportingOverflow(by: shape.elementCount)
    try reader.require(
      !overflow && values <= 1 << 30, nil, "count · shape must be at most 2³⁰ values, which all lie in memory")
  }

  package var expectedByteCount: Int? { count * 4 * shape.elementCount * (vocabulary == nil ? 1 : 2) + count * 4 }

  package func open(seed: UInt64) throws(DataError) -> OpenedSamples {
    if let vocabulary { return OpenedSamples(samples: tokens(vocabulary, seed: seed)) }
    let elements = shape.elementCount
    var values = [Float](repeating: 0, count: count * elements)
    let stream = RandomStream(seed: seed, purpose: .generation)
    for i in values.indices { values[i] = stream.normal(i) }
    let labelStream = RandomStream(seed: seed, purpose: .generation, stream: 1)
    let labels = (0..<count).map { Int32(labelStream.integer($0, below: classes)) }
    return OpenedSamples(
      samples: MemorySamples(
        name: Self.kind, count: count,
        columns: [
          .init(SampleField(name: SampleField.input, shape: shape, type: .float32), .floats(values)),
          .init(
            SampleField(name: SampleField.target, shape: .scalar, type: .int32, classCount: classes),
            .integers(labels)),
        ], fingerprint: Fingerprint.of("noise 1 \(count) \(shape) \(classes) \(seed)", count: count)))
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
