import Tensors

/// A kernel from one tensor to another, and its way back.
package protocol UnaryKernel: Sendable {
  func forward(_ x: TensorSlice, into y: TensorSlice)
  /// dx = its gradient, or dx += it.
  ///
  /// - Parameters:
  ///   - x: the argument of `forward`; only its shape counts for kernels that do not read it.
  ///   - y: the result of `forward`, likewise.
  func backward(_ x: TensorSlice, y: TensorSlice, dy: TensorSlice, into dx: TensorSlice, accumulate: Bool)
}
