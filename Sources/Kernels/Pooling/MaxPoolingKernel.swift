import Tensors

/// The largest of each channel under each window. Zeros around the image do not compete.
package struct MaxPoolingKernel: UnaryKernel {
  private let shape: PoolingShape

  package init(_ shape: PoolingShape) { self.shape = shape }

  package func forward(_ x: TensorSlice, into y: TensorSlice) {
    precondition(x.count == shape.inputCount && y.count == shape.outputCount && x.type == y.type)
    if x.type == .bfloat16 {
      forward(x.pointer(as: BFloat16.self), y.pointer(as: BFloat16.self))
    } else {
      forward(x.pointer(as: Float.self), y.pointer(as: Float.self))
    }
  }

  private func forward<E: VectorElement>(_ x: UnsafeMutablePointer<E>, _ y: UnsafeMutablePointer<E>) {
    shape.forEachWindow { output, image, window in
      for channel in stride(from: 0, to: shape.channels, by: 16) {
        let lanes = min(16, shape.channels - channel)
        var largest = Vector(repeating: -.infinity)
        shape.forEachPixel(of: window, in: image) { pixel in
          let value = E.load(x + (pixel + channel), lanes: lanes)
          // A value that is not a number stays, and the run hears of it.
          largest = largest.replacing(with: value, where: (value .> largest) .| (value .!= value))
        }
        E.store(largest, y + (output + channel), lanes: lanes)
      }
    }
  }

  /// dx (+)= each window's dy, all of it to the first of its largest pixels, as in PyTorch.
  package func backward(_ x: TensorSlice, y: TensorSlice, dy: TensorSlice, into dx: TensorSlice, accumulate: Bool) {
    precondition(x.count == shape.inputCount && y.count == shape.outputCount && x.type == y.type)
    precondition(dx.count == x.count && dy.count == y.count && dx.type == x.type && dy.type == x.type)
    if !accumulate { dx.zero() }
    if x.type == .bfloat16 {
      backward(
        x.pointer(as: BFloat16.self), y.pointer(as: BFloat16.self), dy.pointer(as: BFloat16.self),
        dx.pointer(as: BFloat16.self))
    } else {
      backward(
        x.pointer(as: Float.self), y.pointer(as: Float.self), dy.pointer(as: Float.self), dx.pointer(as: Float.self))
    }
  }

  private func backward<E: VectorElement>(
    _ x: UnsafeMutablePointer<E>, _ y: UnsafeMutablePointer<E>, _ dy: UnsafeMutablePointer<E>,
    _ dx: UnsafeMutablePointer<E>
  ) {
    shape.forEachWindow { output, image, window in
      for channel in stride(from: 0, to: shape.channels, by: 16) {
        let lanes = min(16, shape.channels - channel)
        let largest = E.load(y + (output + channel), lanes: lanes)
        // What is left to give away.
        var rest = E.load(dy + (output + channel), lanes: lanes)
        shape.forEachPixel(of: window, in: image) { pixel in
          let target = dx + (pixel + channel)
          let isLargest = E.load(x + (pixel + channel), lanes: lanes) .== largest
          E.store(
            E.load(target, lanes: lanes) + Vector.zero.replacing(with: rest, where: isLargest), target, lanes: lanes)
          rest = rest.replacing(with: 0, where: isLargest)
        }
      }
    }
  }
}
