import Tensors

/// Converts sequences between samples outermost and steps outermost.
package enum AxisExchange {
  /// y = x with its first two dimensions exchanged, or y += it.
  ///
  /// - Parameters:
  ///   - x: (first, second, columns), float32 or bfloat16.
  ///   - y: (second, first, columns) of the same type; not the memory of `x`.
  package static func apply(
    _ x: TensorSlice, first: Int, second: Int, columns: Int, into y: TensorSlice, accumulate: Bool = false
  ) {
    precondition(x.count == y.count && x.type == y.type && x.count == first * second * columns)
    for i in 0..<first {
      for j in 0..<second {
        let source = (i * second + j) * columns
        let target = (j * first + i) * columns
        let (from, to) = (x.slice(source..<source + columns), y.slice(target..<target + columns))
        if accumulate { Elementwise.add(to, from, into: to) } else { to.copy(from: from) }
      }
    }
  }
}
