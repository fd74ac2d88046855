import Tensors

/// The largest of each channel under each window. Zeros around the image do not compete.
package struct MaxPoolingKernel: UnaryKernel {
  private let shape: PoolingShape

  package init(_ shape: PoolingShape) { self.shape = shape }

  package func forward(_ x: TensorSlice, into y: TensorSlice) {
    precondition(x.count == shape.inputCount && y.count == shape.outputCount && x.type == y.type)
    if x.type == .bfloat16 { return forward(x.pointer(as: BFloat16.self), y.pointer(as: BFloat16.self)) }
    forward(x.pointer(as: Float.self), y.pointer(as: Float.self))
  }

  private func forward<E: VectorElement>(_ x: UnsafeMutablePointer<E>, _ y: UnsafeMutablePointer<E>) {
    shape.forEachVector { output, image, window, lanes in
      var largest = Vector(repeating: -.infinity)
      shape.forEachPixel(of: window, in: image) { pixel in
        let value = E.load(x + pixel, lanes: lanes)
        // NaN stays NaN, so that the run can report it.
        largest = largest.replacing(with: value, where: (value .> largest) .| (value .!= value))
      }
      E.store(largest, y + output, lanes: lanes)
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
    shape.forEachVector { output, image, window, lanes in
      let largest = E.load(y + output, lanes: lanes)
      // Zero once the first of the largest pixels has received it.
      var rest = E.load(dy + output, lanes: lanes)
      shape.forEachPixel(of: window, in: image) { pixel in
        let isLargest = E.load(x + pixel, lanes: lanes) .== largest
        let part = Vector.zero.replacing(with: rest, where: isLargest)
        E.store(E.load(dx + pixel, lanes: lanes) + part, dx + pixel, lanes: lanes)
        rest = rest.replacing(with: 0, where: isLargest)
      }
    }
  }
}
