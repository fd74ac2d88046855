import Tensors

/// A number for each column of each of several matrices, added to it.
package enum ColumnShift {
  /// y[b, r, c] = x[b, r, c] + s[b, c].
  ///
  /// - Parameters:
  ///   - x: (matrices, rows, columns), float32 or bfloat16.
  ///   - s: (matrices, columns), float32 or of x's type.
  ///   - y: of x's shape and type; may be `x` itself.
  package static func apply(_ x: TensorSlice, by s: TensorSlice, columns: Int, into y: TensorSlice) {
    mapColumns(x, s, columns: columns, into: y, accumulate: false) { $0 + $1 }
  }

  /// ds[b, c] = Σ over r of dy[b, r, c], or ds += it; both of one type.
  package static func gradient(_ dy: TensorSlice, columns: Int, into ds: TensorSlice, accumulate: Bool) {
    precondition(ds.type == dy.type && ds.count % columns == 0 && dy.count % ds.count == 0)
    if dy.type == .bfloat16 { return gradient(dy, columns, ds, accumulate, as: BFloat16.self) }
    gradient(dy, columns, ds, accumulate, as: Float.self)
  }

  private static func gradient<E: VectorElement>(
    _ dy: TensorSlice, _ columns: Int, _ ds: TensorSlice, _ accumulate: Bool, as type: E.Type
  ) {
    let slopes = dy.pointer(as: E.self)
    writeColumnSums(
      matrices: ds.count / columns, rows: dy.count / ds.count, columns: columns, to: ds.pointer(as: E.self),
      accumulate: accumulate
    ) { i, lanes in E.load(slopes + i, lanes: lanes) }
  }
}
