import Tensors

/// The mean of each channel under each window; float32 sums, rounded once.
package struct AveragePoolingKernel: UnaryKernel {
  private let shape: PoolingShape
  private let countsPadding: Bool

  /// - Parameter countsPadding: whether zeros around the image are part of the mean, as in PyTorch's default.
  package init(_ shape: PoolingShape, countsPadding: Bool) {
    self.shape = shape
    self.countsPadding = countsPadding
  }

  private func weight(_ window: PoolingShape.Window) -> Float {
    1 / Float(countsPadding ? shape.vertical.kernel * shape.horizontal.kernel : window.count)
  }

  package func forward(_ x: TensorSlice, into y: TensorSlice) {
    precondition(x.count == shape.inputCount && y.count == shape.outputCount && x.type == y.type)
    if x.type == .bfloat16 { return forward(x.pointer(as: BFloat16.self), y.pointer(as: BFloat16.self)) }
    forward(x.pointer(as: Float.self), y.pointer(as: Float.self))
  }

  private func forward<E: VectorElement>(_ x: UnsafeMutablePointer<E>, _ y: UnsafeMutablePointer<E>) {
    shape.forEachVector { output, image, window, lanes in
      var sum = Vector.zero
      shape.forEachPixel(of: window, in: image) { pixel in sum += E.load(x + pixel, lanes: lanes) }
      E.store(sum * weight(window), y + output, lanes: lanes)
    }
  }

  /// dx (+)= each window's dy, shared by its pixels.
  package func backward(_ x: TensorSlice, y: TensorSlice, dy: TensorSlice, into dx: TensorSlice, accumulate: Bool) {
    precondition(dx.count == shape.inputCount && dy.count == shape.outputCount && dx.type == dy.type)
    if !accumulate { dx.zero() }
    if dx.type == .bfloat16 { return backward(dy.pointer(as: BFloat16.self), dx.pointer(as: BFloat16.self)) }
    backward(dy.pointer(as: Float.self), dx.pointer(as: Float.self))
  }

  private func backward<E: VectorElement>(_ dy: UnsafeMutablePointer<E>, _ dx: UnsafeMutablePointer<E>) {
    shape.forEachVector { output, image, window, lanes in
      let part = E.load(dy + output, lanes: lanes) * weight(window)
      shape.forEachPixel(of: window, in: image) { pixel in
        E.store(E.load(dx + pixel, lanes: lanes) + part, dx + pixel, lanes: lanes)
      }
    }
  }
}
