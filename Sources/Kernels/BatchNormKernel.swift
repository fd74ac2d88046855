import Arenas

/// y = (x − mean)·inverseDeviation·gamma + beta, with the statistics of each column over all rows (Ioffe and Szegedy 2015).
///
/// The rows are the batch, or batch × pixels in NHWC; the columns are the channels.
package enum BatchNormKernel {
  /// Normalises with the statistics of the rows themselves.
  ///
  /// - Parameters:
  ///   - x: rows × channels, float32 or bfloat16.
  ///   - gamma: [channels] float32; 1 where nil.
  ///   - beta: [channels] float32; 0 where nil.
  ///   - y: rows × channels, of x's type; may be `x` itself.
  ///   - mean: [channels] float32, written for `backward`.
  ///   - inverseDeviation: [channels] float32, written for `backward`: 1 / √(biased variance + epsilon).
  ///   - observedMean: [channels] float32, written for the running statistics; may be `mean` itself.
  ///   - observedVariance: [channels] float32, written for the running statistics: unbiased, 0 for a single row.
  package static func forward(
    _ x: TensorSlice, gamma: TensorSlice?, beta: TensorSlice?, into y: TensorSlice, mean: TensorSlice,
    inverseDeviation: TensorSlice, observedMean: TensorSlice, observedVariance: TensorSlice, rows: Int, channels: Int,
    epsilon: Float
  ) {
    precondition(x.count == rows * channels && y.count == x.count && y.type == x.type && x.type != .int32)
    check(gamma, channels)
    check(beta, channels)
    check(mean, channels)
    check(inverseDeviation, channels)
    check(observedMean, channels)
    check(observedVariance, channels)
    if x.type == .bfloat16 {
      ColumnMoments.measure(
        x.pointer(as: BFloat16.self), mean, inverseDeviation, observedMean, observedVariance, rows, channels, epsilon)
      normalize(x, gamma, beta, y, mean, inverseDeviation, rows, channels, as: BFloat16.self)
    } else {
      ColumnMoments.measure(
        x.pointer(as: Float.self), mean, inverseDeviation, observedMean, observedVariance, rows, channels, epsilon)
      normalize(x, gamma, beta, y, mean, inverseDeviation, rows, channels, as: Float.self)
    }
  }

  /// Normalises with running statistics.
  ///
  /// - Parameters:
  ///   - runningMean: [channels] float32.
  ///   - runningVariance: [channels] float32.
  package static func inference(
    _ x: TensorSlice, gamma: TensorSlice?, beta: TensorSlice?, into y: TensorSlice, runningMean: TensorSlice,
    runningVariance: TensorSlice, rows: Int, channels: Int, epsilon: Float
  ) {
    precondition(x.count == rows * channels && y.count == x.count && y.type == x.type && x.type != .int32)
    check(gamma, channels)
    check(beta, channels)
    check(runningMean, channels)
    check(runningVariance, channels)
    let variance = runningVariance.pointer(as: Float.self)
    forEachChunk(channels) { chunk in
      withColumns(of: Float.self) { inverses in
        for i in 0..<chunk.count { inverses[i] = 1 / (variance[chunk.lowerBound + i] + epsilon).squareRoot() }
        if x.type == .bfloat16 {
          apply(x, gamma, beta, y, runningMean, inverses, rows, channels, chunk, as: BFloat16.self)
        } else {
          apply(x, gamma, beta, y, runningMean, inverses, rows, channels, chunk, as: Float.self)
        }
      }
    }
  }

  static func check(_ parameter: TensorSlice?, _ channels: Int) {
    if let parameter { precondition(parameter.count == channels && parameter.type == .float32) }
  }

  private static func normalize<E: VectorElement>(
    _ x: TensorSlice, _ gamma: TensorSlice?, _ beta: TensorSlice?, _ y: TensorSlice, _ mean: TensorSlice,
    _ inverseDeviation: TensorSlice, _ rows: Int, _ channels: Int, as type: E.Type
  ) {
    forEachChunk(channels) { chunk in
      let inverses = inverseDeviation.pointer(as: Float.self) + chunk.lowerBound
      apply(x, gamma, beta, y, mean, inverses, rows, channels, chunk, as: type)
    }
  }

  /// - Parameter inverses: those of the chunk.
  private static func apply<E: VectorElement>(
    _ x: TensorSlice, _ gamma: TensorSlice?, _ beta: TensorSlice?, _ y: TensorSlice, _ mean: TensorSlice,
    _ inverses: UnsafeMutablePointer<Float>, _ rows: Int, _ channels: Int, _ chunk: Range<Int>, as type: E.Type
  ) {
    let from = x.pointer(as: E.self)
    let to = y.pointer(as: E.self)
    let gamma = gamma?.pointer(as: Float.self)
    let beta = beta?.pointer(as: Float.self)
    let mean = mean.pointer(as: Float.self)
    withColumns(of: Float.self) { centers in
      withColumns(of: Float.self) { scales in
        withColumns(of: Float.self) { shifts in
          for i in 0..<chunk.count {
            let channel = chunk.lowerBound + i
            centers[i] = mean[channel]
            scales[i] = inverses[i] * (gamma?[channel] ?? 1)
            shifts[i] = beta?[channel] ?? 0
          }
          for row in 0..<rows {
            let offset = row * channels + chunk.lowerBound
            forEachVector(chunk.count) { i, lanes in
              let deviation = E.load(from + offset + i, lanes: lanes) - Float.load(centers + i)
              let value = Float.load(shifts + i).addingProduct(deviation, Float.load(scales + i))
              E.store(value, to + offset + i, lanes: lanes)
            }
          }
        }
      }
    }
  }
}
