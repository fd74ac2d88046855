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
    precondition(x.count == y.count && x.type == y.type && s.count % columns == 0 && x.count % s.count == 0)
    switch (x.type, s.type) {
    case (.float32, .float32): apply(x, s, columns, y, Float.self, Float.self)
    case (.bfloat16, .float32): apply(x, s, columns, y, BFloat16.self, Float.self)
    case (.bfloat16, .bfloat16): apply(x, s, columns, y, BFloat16.self, BFloat16.self)
    default: preconditionFailure("no sum of \(x.type) and \(s.type)")
    }
  }

  private static func apply<E: VectorElement, S: VectorElement>(
    _ x: TensorSlice, _ s: TensorSlice, _ columns: Int, _ y: TensorSlice, _ type: E.Type, _ shiftType: S.Type
  ) {
    let (from, to) = (x.pointer(as: E.self), y.pointer(as: E.self))
    let rows = x.count / s.count
    for matrix in 0..<s.count / columns {
      let shifts = s.pointer(as: S.self) + matrix * columns
      for row in matrix * rows..<(matrix + 1) * rows {
        let start = row * columns
        forEachVector(columns) { i, lanes in
          let sum = E.load(from + (start + i), lanes: lanes) + S.load(shifts + i, lanes: lanes)
          E.store(sum, to + (start + i), lanes: lanes)
        }
      }
    }
  }

  /// ds[b, c] = Σ over r of dy[b, r, c], or ds += it; both of one type.
  package static func gradient(_ dy: TensorSlice, columns: Int, into ds: TensorSlice, accumulate: Bool) {
    precondition(ds.type == dy.type && ds.count % columns == 0 && dy.count % ds.count == 0)
    if dy.type == .bfloat16 {
      gradient(dy, columns, ds, accumulate, as: BFloat16.self)
    } else {
      gradient(dy, columns, ds, accumulate, as: Float.self)
    }
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
