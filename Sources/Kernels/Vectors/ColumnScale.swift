import Tensors

/// A factor for each column of each of several matrices.
package enum ColumnScale {
  /// y[b, r, c] = s[b, c]·x[b, r, c], or y += it.
  ///
  /// - Parameters:
  ///   - x: (matrices, rows, columns), float32 or bfloat16.
  ///   - s: (matrices, columns), float32 or of x's type.
  ///   - y: of x's shape and type; may be `x` itself.
  package static func apply(
    _ x: TensorSlice, by s: TensorSlice, columns: Int, into y: TensorSlice, accumulate: Bool
  ) {
    mapColumns(x, s, columns: columns, into: y, accumulate: accumulate) { $0 * $1 }
  }

  /// ds[b, c] = Σ over r of dy[b, r, c]·x[b, r, c], or ds += it; all of one type.
  package static func gradient(
    _ x: TensorSlice, dy: TensorSlice, columns: Int, into ds: TensorSlice, accumulate: Bool
  ) {
    precondition(x.count == dy.count && x.type == dy.type && ds.type == x.type)
    precondition(ds.count % columns == 0 && x.count % ds.count == 0)
    if x.type == .bfloat16 { return gradient(x, dy, columns, ds, accumulate, as: BFloat16.self) }
    gradient(x, dy, columns, ds, accumulate, as: Float.self)
  }

  private static func gradient<E: VectorElement>(
    _ x: TensorSlice, _ dy: TensorSlice, _ columns: Int, _ ds: TensorSlice, _ accumulate: Bool, as type: E.Type
  ) {
    let (from, slopes) = (x.pointer(as: E.self), dy.pointer(as: E.self))
    writeColumnSums(
      matrices: ds.count / columns, rows: x.count / ds.count, columns: columns, to: ds.pointer(as: E.self),
      accumulate: accumulate
    ) { i, lanes in E.load(from + i, lanes: lanes) * E.load(slopes + i, lanes: lanes) }
  }
}

/// y[b, r, c] = f(x[b, r, c], s[b, c]), or y += it; s is float32 or of the type of x and y.
@inline(__always)
func mapColumns(
  _ x: TensorSlice, _ s: TensorSlice, columns: Int, into y: TensorSlice, accumulate: Bool,
  _ f: (Vector, Vector) -> Vector
) {
  precondition(x.count == y.count && x.type == y.type && s.count % columns == 0 && x.count % s.count == 0)
  switch (x.type, s.type) {
  case (.float32, .float32): mapColumns(x, s, columns, y, accumulate, Float.self, Float.self, f)
  case (.bfloat16, .float32): mapColumns(x, s, columns, y, accumulate, BFloat16.self, Float.self, f)
  case (.bfloat16, .bfloat16): mapColumns(x, s, columns, y, accumulate, BFloat16.self, BFloat16.self, f)
  default: preconditionFailure("columns of \(x.type) and numbers of \(s.type) cannot be combined")
  }
}

@inline(__always)
private func mapColumns<E: VectorElement, S: VectorElement>(
  _ x: TensorSlice, _ s: TensorSlice, _ columns: Int, _ y: TensorSlice, _ accumulate: Bool, _ type: E.Type,
  _ numberType: S.Type, _ f: (Vector, Vector) -> Vector
) {
  let (from, to) = (x.pointer(as: E.self), y.pointer(as: E.self))
  let rows = x.count / s.count
  for matrix in 0..<s.count / columns {
    let numbers = s.pointer(as: S.self) + matrix * columns
    for row in matrix * rows..<(matrix + 1) * rows {
      let start = row * columns
      forEachVector(columns) { i, lanes in
        var value = f(E.load(from + (start + i), lanes: lanes), S.load(numbers + i, lanes: lanes))
        if accumulate { value += E.load(to + (start + i), lanes: lanes) }
        E.store(value, to + (start + i), lanes: lanes)
      }
    }
  }
}
