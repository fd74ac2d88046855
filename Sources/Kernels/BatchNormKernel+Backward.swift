import Arenas

extension BatchNormKernel {
  /// dx = gamma·inverse·(dy − mean of dy − n·mean of dy·n), with n the normalized x; the means are over the rows.
  ///
  /// - Parameters:
  ///   - x: what `forward` got.
  ///   - mean: what `forward` wrote.
  ///   - inverseDeviation: what `forward` wrote.
  ///   - dy: rows × channels, of x's type.
  ///   - dx: rows × channels, of x's type: the gradient, or += it when `accumulate`; may be `dy` itself otherwise.
  ///   - dGamma: [channels] float32: the gradient, or += it when `accumulateParameters`.
  ///   - dBeta: as `dGamma`.
  package static func backward(
    _ x: TensorSlice, gamma: TensorSlice?, mean: TensorSlice, inverseDeviation: TensorSlice, dy: TensorSlice,
    dx: TensorSlice, accumulate: Bool, dGamma: TensorSlice?, dBeta: TensorSlice?, accumulateParameters: Bool,
    rows: Int, channels: Int
  ) {
    precondition(x.count == rows * channels && x.type != .int32)
    precondition(dy.count == x.count && dy.type == x.type && dx.count == x.count && dx.type == x.type)
    check(gamma, channels)
    check(mean, channels)
    check(inverseDeviation, channels)
    check(dGamma, channels)
    check(dBeta, channels)
    let pass = BatchNormBackward(
      x: x, gamma: gamma, mean: mean, inverseDeviation: inverseDeviation, dy: dy, dx: dx, accumulate: accumulate,
      dGamma: dGamma, dBeta: dBeta, accumulateParameters: accumulateParameters, rows: rows, channels: channels)
    if x.type == .bfloat16 {
      pass.run(BFloat16.self)
    } else {
      pass.run(Float.self)
    }
  }
}

private struct BatchNormBackward {
  let x: TensorSlice
  let gamma: TensorSlice?
  let mean: TensorSlice
  let inverseDeviation: TensorSlice
  let dy: TensorSlice
  let dx: TensorSlice
  let accumulate: Bool
  let dGamma: TensorSlice?
  let dBeta: TensorSlice?
  let accumulateParameters: Bool
  let rows: Int
  let channels: Int

  func run<E: VectorElement>(_ type: E.Type) {
    let x = x.pointer(as: E.self)
    let dy = dy.pointer(as: E.self)
    let means = mean.pointer(as: Float.self)
    let inverses = inverseDeviation.pointer(as: Float.self)
    forEachChunk(channels) { chunk in
      withColumns(of: Double.self) { products in
        withColumns(of: Double.self) { gradients in
          addRows(0..<rows, columns: chunk, to: products, and: gradients) { row, column, lanes in
            let i = row * channels + column
            let gradient = E.load(dy + i, lanes: lanes)
            let deviation = E.load(x + i, lanes: lanes) - Float.load(means + column, lanes: lanes)
            return (gradient * (deviation * Float.load(inverses + column, lanes: lanes)), gradient)
          }
          if let dGamma {
            let sums = dGamma.pointer(as: Float.self) + chunk.lowerBound
            write(products, chunk.count, to: sums, accumulate: accumulateParameters)
          }
          if let dBeta {
            let sums = dBeta.pointer(as: Float.self) + chunk.lowerBound
            write(gradients, chunk.count, to: sums, accumulate: accumulateParameters)
          }
          writeInputGradient(chunk, products, gradients, type)
        }
      }
    }
  }

  /// dx (+)= scale·dy + slope·(x − mean) + offset, with the three factors of each channel worked out once.
  @inline(__always)
  private func writeInputGradient<E: VectorElement>(
    _ chunk: Range<Int>, _ products: UnsafeMutablePointer<Double>, _ gradients: UnsafeMutablePointer<Double>,
    _ type: E.Type
  ) {
    let x = x.pointer(as: E.self)
    let dy = dy.pointer(as: E.self)
    let dx = dx.pointer(as: E.self)
    let means = mean.pointer(as: Float.self) + chunk.lowerBound
    let inverses = inverseDeviation.pointer(as: Float.self) + chunk.lowerBound
    let gamma = gamma.map { $0.pointer(as: Float.self) + chunk.lowerBound }
    withColumns(of: Float.self) { scales in
      withColumns(of: Float.self) { slopes in
        withColumns(of: Float.self) { offsets in
          withColumns(of: Float.self) { centers in
            for i in 0..<chunk.count {
              let scale = inverses[i] * (gamma?[i] ?? 1)
              scales[i] = scale
              slopes[i] = Float(-Double(scale) * Double(inverses[i]) * products[i] / Double(rows))
              offsets[i] = Float(-Double(scale) * gradients[i] / Double(rows))
              centers[i] = means[i]
            }
            for row in 0..<rows {
              let offset = row * channels + chunk.lowerBound
              forEachVector(chunk.count) { i, lanes in
                let deviation = E.load(x + offset + i, lanes: lanes) - Float.load(centers + i)
                let gradient = E.load(dy + offset + i, lanes: lanes)
                var value = Float.load(offsets + i).addingProduct(deviation, Float.load(slopes + i))
                value.addProduct(gradient, Float.load(scales + i))
                if accumulate { value += E.load(dx + offset + i, lanes: lanes) }
                E.store(value, dx + offset + i, lanes: lanes)
              }
            }
          }
        }
      }
    }
  }
}
