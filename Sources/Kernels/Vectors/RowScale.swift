import Tensors

/// A factor for each row of a matrix.
package enum RowScale {
  /// y[r, c] = s[r]·x[r, c], or y += it.
  ///
  /// - Parameters:
  ///   - x: (rows, columns), float32 or bfloat16.
  ///   - s: (rows), float32 or of x's type.
  ///   - y: of x's shape and type; may be `x` itself.
  package static func apply(_ x: TensorSlice, by s: TensorSlice, into y: TensorSlice, accumulate: Bool) {
    precondition(x.count == y.count && x.type == y.type && x.count % s.count == 0)
    switch (x.type, s.type) {
    case (.float32, .float32): apply(x, s, y, accumulate, Float.self, Float.self)
    case (.bfloat16, .float32): apply(x, s, y, accumulate, BFloat16.self, Float.self)
    case (.bfloat16, .bfloat16): apply(x, s, y, accumulate, BFloat16.self, BFloat16.self)
    default: preconditionFailure("no product of \(x.type) and \(s.type)")
    }
  }

  private static func apply<E: VectorElement, S: VectorElement>(
    _ x: TensorSlice, _ s: TensorSlice, _ y: TensorSlice, _ accumulate: Bool, _ type: E.Type, _ factorType: S.Type
  ) {
    let (from, factors, to) = (x.pointer(as: E.self), s.pointer(as: S.self), y.pointer(as: E.self))
    let columns = x.count / s.count
    for row in 0..<s.count {
      let factor = Vector(repeating: S.load(factors + row, first: 1)[0])
      let start = row * columns
      forEachVector(columns) { i, lanes in
        var value = E.load(from + (start + i), lanes: lanes) * factor
        if accumulate { value += E.load(to + (start + i), lanes: lanes) }
        E.store(value, to + (start + i), lanes: lanes)
      }
    }
  }

  /// ds[r] = Σ over c of dy[r, c]·x[r, c], or ds += it; all of one type.
  package static func gradient(_ x: TensorSlice, dy: TensorSlice, into ds: TensorSlice, accumulate: Bool) {
    precondition(x.count == dy.count && x.type == dy.type && ds.type == x.type && x.count % ds.count == 0)
    if x.type == .bfloat16 { return gradient(x, dy, ds, accumulate, as: BFloat16.self) }
    gradient(x, dy, ds, accumulate, as: Float.self)
  }

  private static func gradient<E: VectorElement>(
    _ x: TensorSlice, _ dy: TensorSlice, _ ds: TensorSlice, _ accumulate: Bool, as type: E.Type
  ) {
    let (from, slopes, to) = (x.pointer(as: E.self), dy.pointer(as: E.self), ds.pointer(as: E.self))
    let columns = x.count / ds.count
    for row in 0..<ds.count {
      let start = row * columns
      let sum = sumOfVectors(columns) { i, lanes in
        E.load(from + (start + i), lanes: lanes) * E.load(slopes + (start + i), lanes: lanes)
      }
      var value = Vector(repeating: sum)
      if accumulate { value += E.load(to + row, first: 1) }
      E.store(value, to + row, first: 1)
    }
  }
}
