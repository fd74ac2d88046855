import Tensors

/// The mean and the largest of each row: of the channels at each pixel of an image.
package struct ChannelStatisticsKernel: UnaryKernel {
  private let channels: Int

  package init(channels: Int) { self.channels = channels }

  /// y[r] = (mean of x[r], largest of x[r]); a row with a NaN has one for its mean.
  ///
  /// - Parameters:
  ///   - x: (rows, channels), float32 or bfloat16.
  ///   - y: (rows, 2) of the same type.
  package func forward(_ x: TensorSlice, into y: TensorSlice) {
    precondition(x.type == y.type && x.count % channels == 0 && y.count == 2 * (x.count / channels))
    if x.type == .bfloat16 { forward(x, y, as: BFloat16.self) } else { forward(x, y, as: Float.self) }
  }

  private func forward<E: VectorElement>(_ x: TensorSlice, _ y: TensorSlice, as type: E.Type) {
    let to = y.pointer(as: E.self)
    let share = 1 / Float(channels)
    for row in 0..<y.count / 2 {
      let from = x.pointer(as: E.self) + row * channels
      let sum = sumOfVectors(channels) { i, lanes in E.load(from + i, lanes: lanes) }
      var largest = Vector(repeating: -.infinity)
      forEachVector(channels) { i in
        largest = largest.max(E.load(from + i))
      } tail: { i, rest in
        largest = largest.max(E.load(from + i, first: rest).keepingFirst(rest, otherwise: -.infinity))
      }
      var pair = Vector.zero
      pair[0] = sum * share
      pair[1] = largest.largest
      E.store(pair, to + 2 * row, first: 2)
    }
  }

  /// dx[r, c] = dy[r, 0]/channels, and dy[r, 1] more for the first c at which x is the largest; or dx += it.
  ///
  /// - Parameter y: the result of `forward`, which holds the largest in the type of `x`.
  package func backward(
    _ x: TensorSlice, y: TensorSlice, dy: TensorSlice, into dx: TensorSlice, accumulate: Bool
  ) {
    precondition(x.count == dx.count && y.count == dy.count && y.count == 2 * (x.count / channels))
    precondition(x.type == dx.type && x.type == y.type && x.type == dy.type)
    if x.type == .bfloat16 { return backward(x, y, dy, dx, accumulate, as: BFloat16.self) }
    backward(x, y, dy, dx, accumulate, as: Float.self)
  }

  private func backward<E: VectorElement>(
    _ x: TensorSlice, _ y: TensorSlice, _ dy: TensorSlice, _ dx: TensorSlice, _ accumulate: Bool, as type: E.Type
  ) {
    let share = 1 / Float(channels)
    for row in 0..<y.count / 2 {
      let (from, to) = (x.pointer(as: E.self) + row * channels, dx.pointer(as: E.self) + row * channels)
      let slopes = E.load(dy.pointer(as: E.self) + 2 * row, first: 2)
      let largest = Vector(repeating: E.load(y.pointer(as: E.self) + 2 * row, first: 2)[1])
      let mean = Vector(repeating: slopes[0] * share)
      var isFound = false
      forEachVector(channels) { i, lanes in
        var value = mean
        if !isFound {
          let hits = E.load(from + i, lanes: lanes) .== largest
          // The lanes after the last channel are zeros, which can equal the largest too.
          if any(hits), let first = (0..<lanes).first(where: { hits[$0] }) {
            value[first] += slopes[1]
            isFound = true
          }
        }
        if accumulate { value += E.load(to + i, lanes: lanes) }
        E.store(value, to + i, lanes: lanes)
      }
    }
  }
}
