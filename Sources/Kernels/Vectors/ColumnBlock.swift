import Tensors

/// Adjacent columns of a matrix as a matrix of their own.
package enum ColumnBlock {
  /// y[r, first + c] = x[r, c]; the other columns of y stay.
  ///
  /// - Parameters:
  ///   - x: (rows, columns), float32 or bfloat16.
  ///   - y: (rows, width) of the same type.
  package static func place(_ x: TensorSlice, columns: Int, in y: TensorSlice, width: Int, at first: Int) {
    let rows = checked(x, columns, y, width, first)
    let (count, stride) = (columns * x.type.byteCount, width * x.type.byteCount)
    var to = y.address + first * x.type.byteCount
    var from = UnsafeRawPointer(x.address)
    for _ in 0..<rows {
      to.copyMemory(from: from, byteCount: count)
      to += stride
      from += count
    }
  }

  /// x[r, c] = y[r, first + c], or x += it.
  package static func take(
    _ x: TensorSlice, columns: Int, from y: TensorSlice, width: Int, at first: Int, accumulate: Bool
  ) {
    let rows = checked(x, columns, y, width, first)
    if x.type == .bfloat16 {
      take(x.pointer(as: BFloat16.self), rows, columns, y.pointer(as: BFloat16.self) + first, width, accumulate)
    } else {
      take(x.pointer(as: Float.self), rows, columns, y.pointer(as: Float.self) + first, width, accumulate)
    }
  }

  private static func take<E: VectorElement>(
    _ x: UnsafeMutablePointer<E>, _ rows: Int, _ columns: Int, _ y: UnsafeMutablePointer<E>, _ width: Int,
    _ accumulate: Bool
  ) {
    for row in 0..<rows {
      let (to, from) = (x + row &* columns, y + row &* width)
      forEachVector(columns) { i, lanes in
        var value = E.load(from + i, lanes: lanes)
        if accumulate { value += E.load(to + i, lanes: lanes) }
        E.store(value, to + i, lanes: lanes)
      }
    }
  }

  private static func checked(
    _ x: TensorSlice, _ columns: Int, _ y: TensorSlice, _ width: Int, _ first: Int
  ) -> Int {
    precondition(x.type == y.type && x.type != .int32 && first >= 0 && first + columns <= width)
    precondition(x.count % columns == 0 && y.count == x.count / columns * width)
    return x.count / columns
  }
}
