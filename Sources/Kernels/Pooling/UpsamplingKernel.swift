import Tensors

/// Images made larger by a whole factor f in both directions, as PyTorch's `interpolate` with `align_corners=False`
/// does.
///
/// Nearest: output pixel i shows input pixel ⌊i/f⌋. Bilinear: it lies at (i + ½)/f − ½ between two input pixels, or on
/// the first or last one, and is their mean weighed by nearness. Gradients are gathered, so each is written once.
package struct UpsamplingKernel: UnaryKernel {
  package enum Mode: String, CaseIterable, Sendable { case nearest, bilinear }

  package let batch: Int
  package let height: Int
  package let width: Int
  package let channels: Int
  private let vertical: Axis
  private let horizontal: Axis

  /// - Parameters:
  ///   - height: of the input, in pixels.
  ///   - width: of the input, in pixels.
  package init(batch: Int, height: Int, width: Int, channels: Int, factor: Int, mode: Mode) {
    self.batch = batch
    self.height = height
    self.width = width
    self.channels = channels
    vertical = Axis(size: height, factor: factor, mode: mode)
    horizontal = Axis(size: width, factor: factor, mode: mode)
  }

  private var inputCount: Int { batch * height * width * channels }
  private var outputCount: Int { batch * vertical.outputSize * horizontal.outputSize * channels }

  /// - Parameters:
  ///   - x: (B, H, W, C), float32 or bfloat16.
  ///   - y: (B, f·H, f·W, C) of the same type.
  package func forward(_ x: TensorSlice, into y: TensorSlice) {
    precondition(x.count == inputCount && y.count == outputCount && x.type == y.type)
    if x.type == .bfloat16 { return forward(x.pointer(as: BFloat16.self), y.pointer(as: BFloat16.self)) }
    forward(x.pointer(as: Float.self), y.pointer(as: Float.self))
  }

  private func forward<E: VectorElement>(_ x: UnsafeMutablePointer<E>, _ y: UnsafeMutablePointer<E>) {
    var output = y
    for image in 0..<batch {
      let from = x + image * height * width * channels
      for row in 0..<vertical.outputSize {
        let rows = vertical.taps(row)
        let (upper, lower) = (from + rows.first * width * channels, from + rows.second * width * channels)
        for column in 0..<horizontal.outputSize {
          let columns = horizontal.taps(column)
          let (left, right) = (columns.first * channels, columns.second * channels)
          let isCopy = rows.share == 0 && columns.share == 0
          forEachVector(channels) { i, lanes in
            var value = E.load(upper + (left + i), lanes: lanes)
            if !isCopy {
              value = value.mixed(E.load(upper + (right + i), lanes: lanes), columns.share)
              let below = E.load(lower + (left + i), lanes: lanes)
                .mixed(E.load(lower + (right + i), lanes: lanes), columns.share)
              value = value.mixed(below, rows.share)
            }
            E.store(value, output + i, lanes: lanes)
          }
          output += channels
        }
      }
    }
  }

  /// dx (+)= what each input pixel gave of dy.
  package func backward(_ x: TensorSlice, y: TensorSlice, dy: TensorSlice, into dx: TensorSlice, accumulate: Bool) {
    precondition(dx.count == inputCount && dy.count == outputCount && dx.type == dy.type)
    if dx.type == .bfloat16 {
      backward(dy.pointer(as: BFloat16.self), dx.pointer(as: BFloat16.self), accumulate)
    } else {
      backward(dy.pointer(as: Float.self), dx.pointer(as: Float.self), accumulate)
    }
  }

  private func backward<E: VectorElement>(
    _ dy: UnsafeMutablePointer<E>, _ dx: UnsafeMutablePointer<E>, _ accumulate: Bool
  ) {
    var target = dx
    for image in 0..<batch {
      let from = dy + image * vertical.outputSize * horizontal.outputSize * channels
      for row in 0..<height {
        for column in 0..<width {
          forEachVector(channels) { i, lanes in
            var sum = accumulate ? E.load(target + i, lanes: lanes) : Vector.zero
            vertical.forEachReader(of: row) { y, rowWeight in
              horizontal.forEachReader(of: column) { x, columnWeight in
                let place = (y &* horizontal.outputSize &+ x) &* channels &+ i
                sum = sum.addingProduct(
                  E.load(from + place, lanes: lanes), Vector(repeating: rowWeight * columnWeight))
              }
            }
            E.store(sum, target + i, lanes: lanes)
          }
          target += channels
        }
      }
    }
  }

  /// One direction.
  private struct Axis: Sendable {
    let size: Int
    let factor: Int
    let mode: Mode
    var outputSize: Int { size * factor }

    /// The two input pixels that an output pixel is a mean of, and the share of the second.
    @inline(__always) func taps(_ output: Int) -> (first: Int, second: Int, share: Float) {
      if mode == .nearest {
        let pixel = output / factor
        return (pixel, pixel, 0)
      }
      let place = max(0, (Float(output) + 0.5) / Float(factor) - 0.5)
      let first = min(Int(place), size - 1)
      return (first, min(first + 1, size - 1), place - Float(first))
    }

    /// Calls `body` with the output pixels that read an input pixel, and the weight of it there.
    @inline(__always) func forEachReader(of input: Int, _ body: (Int, Float) -> Void) {
      if mode == .nearest {
        for output in input &* factor..<(input &+ 1) &* factor { body(output, 1) }
        return
      }
      for output in max(0, (input &- 1) &* factor)..<min(outputSize, (input &+ 2) &* factor) {
        let taps = taps(output)
        let weight = (taps.first == input ? 1 - taps.share : 0) + (taps.second == input ? taps.share : 0)
        if weight > 0 { body(output, weight) }
      }
    }
  }
}

extension SIMD16<Float> {
  /// self·(1 − share) + other·share.
  @inline(__always) fileprivate func mixed(_ other: Vector, _ share: Float) -> Vector {
    (self * (1 - share)).addingProduct(other, Vector(repeating: share))
  }
}
