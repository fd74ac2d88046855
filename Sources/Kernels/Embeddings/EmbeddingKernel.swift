import Tensors

/// Rows of a table, picked by number: y[r] = W[n(r)], and the gradients of the rows that were picked.
package struct EmbeddingKernel: Sendable {
  package let vocabulary: Int
  package let width: Int

  package init(vocabulary: Int, width: Int) {
    self.vocabulary = vocabulary
    self.width = width
  }

  /// - Parameters:
  ///   - tokens: (rows) int32; one outside the vocabulary stops the program, so readers of data check them.
  ///   - table: (vocabulary, width) float32.
  ///   - y: (rows, width), float32 or bfloat16.
  package func forward(_ tokens: TensorSlice, table: TensorSlice, into y: TensorSlice) {
    precondition(table.count == vocabulary * width && y.count == tokens.count * width)
    if y.type == .bfloat16 { return forward(tokens, table, y, as: BFloat16.self) }
    forward(tokens, table, y, as: Float.self)
  }

  private func forward<E: VectorElement>(
    _ tokens: TensorSlice, _ table: TensorSlice, _ y: TensorSlice, as type: E.Type
  ) {
    let numbers = tokens.pointer(as: Int32.self)
    for row in 0..<tokens.count {
      map(width, table.pointer(as: Float.self) + start(numbers, row), into: y.pointer(as: E.self) + row * width) { $0 }
    }
  }

  /// dW[n(r)] += dy[r], row after row.
  ///
  /// - Parameters:
  ///   - dy: (rows, width), float32 or bfloat16.
  ///   - gradient: (vocabulary, width) float32.
  ///   - accumulate: whether to add to the gradient; it is zeroed first otherwise.
  package func backward(_ tokens: TensorSlice, dy: TensorSlice, into gradient: TensorSlice, accumulate: Bool) {
    precondition(gradient.count == vocabulary * width && dy.count == tokens.count * width)
    if !accumulate { gradient.zero() }
    if dy.type == .bfloat16 { return backward(tokens, dy, gradient, as: BFloat16.self) }
    backward(tokens, dy, gradient, as: Float.self)
  }

  private func backward<E: VectorElement>(
    _ tokens: TensorSlice, _ dy: TensorSlice, _ gradient: TensorSlice, as type: E.Type
  ) {
    let numbers = tokens.pointer(as: Int32.self)
    for row in 0..<tokens.count {
      let to = gradient.pointer(as: Float.self) + start(numbers, row)
      map(width, UnsafePointer(to), dy.pointer(as: E.self) + row * width, into: to) { $0 + $1 }
    }
  }

  @inline(__always) private func start(_ numbers: UnsafeMutablePointer<Int32>, _ row: Int) -> Int {
    let number = Int(numbers[row])
    precondition(number >= 0 && number < vocabulary, "token \(number) of row \(row) is not below \(vocabulary)")
    return number * width
  }
}
