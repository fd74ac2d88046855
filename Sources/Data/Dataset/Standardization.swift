import Tensors

/// z = (x - mean) / deviation, with the moments of the training inputs alone or with given ones.
///
/// One pair per channel for images, per feature for tables, one for everything else. Checkpoints store the pairs,
/// because everything the model later sees is standardized with them.
package struct Standardization: Sendable, Equatable {
  /// One number, or one per channel or feature.
  package let mean: [Float]
  /// Above 0; 1 where the training inputs do not vary, so that a constant feature becomes 0.
  package let deviation: [Float]
  // Means and inverse deviations, repeated until loops over them are long.
  private let centers: [Float]
  private let scales: [Float]

  /// Length of loops over values where there are fewer pairs.
  private static let stretch = 768

  /// - Returns: nil unless there are as many deviations as means, all finite and above 0.
  package init?(mean: [Float], deviation: [Float]) {
    guard !mean.isEmpty, mean.count == deviation.count, mean.allSatisfy(\.isFinite),
      deviation.allSatisfy({ $0.isFinite && $0 > 0 && (1 / $0).isFinite })
    else { return nil }
    self.init(mean, deviation)
  }

  private init(_ mean: [Float], _ deviation: [Float]) {
    self.mean = mean
    self.deviation = deviation
    let times = max(1, Self.stretch / mean.count)
    centers = (0..<times * mean.count).map { mean[$0 % mean.count] }
    scales = (0..<times * mean.count).map { 1 / deviation[$0 % mean.count] }
  }

  /// Whether it can be applied to samples of `shape`.
  package func fits(_ shape: TensorShape) -> Bool {
    mean.count == 1 || mean.count == shape.elementCount || mean.count == ImageShape(shape)?.channels
  }

  /// Standardizes one sample in place.
  package func apply(to output: TensorSlice) {
    precondition(output.count % mean.count == 0)
    let (centers, scales) = (centers.span, scales.span)
    var start = 0
    while start < output.count {
      let block = output.slice(start..<min(start + centers.count, output.count))
      var values = block.mutableFloats
      precondition(values.count <= centers.count && values.count <= scales.count)
      for i in values.indices { values[i] = (values[i] - centers[i]) * scales[i] }
      start += centers.count
    }
  }

  /// The number of pairs for samples of `shape`.
  static func groupCount(_ shape: TensorShape) -> Int {
    shape.rank <= 1 ? shape.elementCount : ImageShape(shape)?.channels ?? 1
  }

  /// The moments of `count` samples of `shape`, in two passes and float64.
  ///
  /// - Parameter read: writes the sample at a position over the tensor.
  init(shape: TensorShape, count: Int, read: (Int, TensorSlice) -> Void) {
    let groups = Self.groupCount(shape)
    let arena = Arena(byteCount: shape.elementCount * 4)
    let output = arena.all(as: .float32)
    let total = Double(count) * Double(shape.elementCount / groups)
    var means = [Double](repeating: 0, count: groups)
    var squares = means
    for position in 0..<count {
      read(position, output)
      Self.add(output, to: &means)
    }
    for group in means.indices { means[group] /= total }
    for position in 0..<count {
      read(position, output)
      Self.add(output, minus: means, to: &squares)
    }
    var deviation: [Float] = []
    for group in means.indices {
      let value = (squares[group] / total).squareRoot()
      // Below float32's resolution of the mean, only rounding varies.
      let isConstant = !(value > abs(means[group]) * 1e-6) || Float(value) < Float.leastNormalMagnitude
      deviation.append(isConstant || !Float(value).isFinite ? 1 : Float(value))
    }
    self.init(means.map { Float($0) }, deviation)
  }

  private static func add(_ output: TensorSlice, to sums: inout [Double]) {
    let values = output.floats
    if sums.count == 1 {
      var sum = 0.0
      for i in values.indices { sum += Double(values[i]) }
      sums[0] += sum
    } else {
      for start in stride(from: 0, to: values.count, by: sums.count) {
        for group in sums.indices { sums[group] += Double(values[start + group]) }
      }
    }
  }

  private static func add(_ output: TensorSlice, minus means: [Double], to sums: inout [Double]) {
    let values = output.floats
    for start in stride(from: 0, to: values.count, by: sums.count) {
      for group in sums.indices {
        let difference = Double(values[start + group]) - means[group]
        sums[group] += difference * difference
      }
    }
  }
}
