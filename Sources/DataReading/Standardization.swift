import Arenas

/// z = (x - mean) / deviation, with the moments of the training inputs alone.
///
/// One pair for all pixels of images and other arrays, one pair per feature of a table. It belongs to the model:
/// whatever the model later sees is standardised with these numbers, so checkpoints carry them.
package struct Standardization: Sendable, Equatable {
  /// One number, or one per feature.
  package let mean: [Float]
  /// Above 0; 1 where the training inputs do not vary, so that a constant feature becomes 0.
  package let deviation: [Float]
  private let inverse: [Float]

  /// - Returns: nil unless there are as many deviations as means, all finite and above 0.
  package init?(mean: [Float], deviation: [Float]) {
    guard !mean.isEmpty, mean.count == deviation.count, mean.allSatisfy(\.isFinite),
      deviation.allSatisfy({ $0.isFinite && $0 > 0 && (1 / $0).isFinite })
    else { return nil }
    self.mean = mean
    self.deviation = deviation
    inverse = deviation.map { 1 / $0 }
  }

  /// Whether it can be applied to samples of `shape`.
  package func fits(_ shape: TensorShape) -> Bool { mean.count == 1 || mean.count == shape.elementCount }

  /// Standardises one sample in place.
  package func apply(to slot: TensorSlice) {
    var values = slot.mutableFloats
    if mean.count == 1 {
      let centre = mean[0]
      let scale = inverse[0]
      for i in values.indices { values[i] = (values[i] - centre) * scale }
    } else {
      let centres = mean.span
      let scales = inverse.span
      precondition(centres.count == values.count && scales.count == values.count)
      for i in values.indices { values[i] = (values[i] - centres[i]) * scales[i] }
    }
  }

  /// The moments of field number `field` over `samples`, in two passes and float64.
  package init(of source: any SampleSource, field: Int, over samples: SampleSet) {
    let shape = source.fields[field].shape
    let width = shape.elementCount
    // A single column per feature; images and other arrays share one pair.
    let groups = shape.rank <= 1 ? width : 1
    let arena = Arena(byteCount: width * 4)
    let slot = arena.all(as: .float32)
    let count = Double(samples.count) * Double(width / groups)
    var means = [Double](repeating: 0, count: groups)
    var squares = [Double](repeating: 0, count: groups)
    for position in 0..<samples.count {
      source.read(samples[position], field: field, into: slot)
      Self.add(slot, to: &means)
    }
    for group in means.indices { means[group] /= count }
    for position in 0..<samples.count {
      source.read(samples[position], field: field, into: slot)
      Self.add(slot, minus: means, to: &squares)
    }
    var deviation: [Float] = []
    for group in means.indices {
      let value = (squares[group] / count).squareRoot()
      // Below float32's resolution of the mean, what varies is rounding.
      let isConstant = !(value > abs(means[group]) * 1e-6) || Float(value) < Float.leastNormalMagnitude
      deviation.append(isConstant || !Float(value).isFinite ? 1 : Float(value))
    }
    mean = means.map { Float($0) }
    self.deviation = deviation
    inverse = deviation.map { 1 / $0 }
  }

  private static func add(_ slot: TensorSlice, to sums: inout [Double]) {
    let values = slot.floats
    if sums.count == 1 {
      var sum = 0.0
      for i in values.indices { sum += Double(values[i]) }
      sums[0] += sum
    } else {
      for i in values.indices { sums[i] += Double(values[i]) }
    }
  }

  private static func add(_ slot: TensorSlice, minus means: [Double], to sums: inout [Double]) {
    let values = slot.floats
    for i in values.indices {
      let group = sums.count == 1 ? 0 : i
      let difference = Double(values[i]) - means[group]
      sums[group] += difference * difference
    }
  }
}
