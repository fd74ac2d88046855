import Arenas
import Configuration

/// Standard normal inputs with random labels: for benchmarks, where only the shapes matter.
package struct NoiseData: DataKind {
  package static let kind = "noise"
  package static let documentation = "generated: standard normal inputs with random labels, for benchmarks"

  package var count = 1024
  package var shape = TensorShape([64])
  package var classes = 10

  package init() {}

  package init(count: Int, shape: TensorShape, classes: Int) {
    self.count = count
    self.shape = shape
    self.classes = classes
  }

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    count = try reader.integer("count", default: 1024, in: 1...100_000_000, "number of samples")
    let extents = try reader.optionalIntegers("shape", in: 1...1_000_000, "extents of a sample (default [64])")
    classes = try reader.integer("classes", default: 10, in: 2...1_000_000, "number of classes")
    let checked = TensorShape(checking: extents ?? [64])
    try reader.require(checked != nil, "shape", "is too large")
    shape = checked ?? TensorShape([64])
    let (values, overflow) = count.multipliedReportingOverflow(by: shape.elementCount)
    try reader.require(
      !overflow && values <= 1 << 30, nil, "count · shape must be at most 2³⁰ values, which all lie in memory")
  }

  package var expectedByteCount: Int? { count * 4 * (shape.elementCount + 1) }

  package func open(seed: UInt64) throws(DataError) -> OpenedSamples {
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
}
