import Tensors

/// One vector for each place of a sequence, added to the token there.
package struct PositionKernel: Sendable {
  /// Tokens of a sequence, and the length of each one's vector.
  package let tokens: Int
  package let width: Int
  /// s.
  package let scale: Float

  package init(tokens: Int, width: Int, scale: Float = 1) {
    self.tokens = tokens
    self.width = width
    self.scale = scale
  }

  /// y[b, t] = s·x[b, t] + P[t].
  ///
  /// - Parameters:
  ///   - x: (B, tokens, width), float32 or bfloat16; y alike.
  ///   - table: (tokens, width) float32.
  package func forward(_ x: TensorSlice, table: TensorSlice, into y: TensorSlice) {
    precondition(x.count == y.count && x.type == y.type && x.count % table.count == 0)
    precondition(table.count == tokens * width)
    if x.type == .bfloat16 { forward(x, table, y, as: BFloat16.self) } else { forward(x, table, y, as: Float.self) }
  }

  private func forward<E: VectorElement>(_ x: TensorSlice, _ table: TensorSlice, _ y: TensorSlice, as type: E.Type) {
    let (from, places, to) = (x.pointer(as: E.self), table.pointer(as: Float.self), y.pointer(as: E.self))
    for start in stride(from: 0, to: x.count, by: table.count) {
      map(table.count, from + start, places, into: to + start) { $0 * scale + $1 }
    }
  }

  /// dx = s·dy, or dx += it.
  package func backward(_ dy: TensorSlice, to dx: TensorSlice, accumulate: Bool) {
    precondition(dy.count == dx.count && dy.type == dx.type)
    if dy.type == .bfloat16 { return contribute(dy, dx, accumulate, as: BFloat16.self) }
    contribute(dy, dx, accumulate, as: Float.self)
  }

  private func contribute<E: VectorElement>(_ dy: TensorSlice, _ dx: TensorSlice, _ accumulate: Bool, as type: E.Type) {
    let (from, to) = (dy.pointer(as: E.self), dx.pointer(as: E.self))
    if accumulate {
      map(dx.count, UnsafePointer(to), from, into: to) { $0 + $1 * scale }
    } else {
      map(dx.count, from, into: to) { $0 * scale }
    }
  }

  /// dP[t] = Σ over b of dy[b, t], or dP += it.
  package func backward(_ dy: TensorSlice, into gradient: TensorSlice, accumulate: Bool) {
    precondition(gradient.count == tokens * width && dy.count % gradient.count == 0)
    if dy.type == .bfloat16 { return backward(dy, gradient, accumulate, as: BFloat16.self) }
    backward(dy, gradient, accumulate, as: Float.self)
  }

  private func backward<E: VectorElement>(
    _ dy: TensorSlice, _ gradient: TensorSlice, _ accumulate: Bool, as type: E.Type
  ) {
    let (from, to) = (dy.pointer(as: E.self), gradient.pointer(as: Float.self))
    for start in stride(from: 0, to: dy.count, by: gradient.count) {
      if start == 0, !accumulate {
        map(gradient.count, from, into: to) { $0 }
      } else {
        map(gradient.count, UnsafePointer(to), from + start, into: to) { $0 + $1 }
      }
    }
  }
}
