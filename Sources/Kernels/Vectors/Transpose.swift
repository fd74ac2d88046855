import Tensors

package enum Transpose {
  /// Elements of a tile's side: a vector.
  private static let side = 16

  /// y = xᵀ for each of several adjacent matrices, or y += it.
  ///
  /// - Parameters:
  ///   - x: (…, rows, columns), float32 or bfloat16.
  ///   - y: (…, columns, rows) of the same type; not the memory of `x`.
  package static func apply(_ x: TensorSlice, rows: Int, columns: Int, into y: TensorSlice, accumulate: Bool) {
    precondition(x.count == y.count && x.type == y.type && x.type != .int32 && x.count % (rows * columns) == 0)
    if x.type == .bfloat16 { return apply(x, rows, columns, y, accumulate, as: BFloat16.self) }
    apply(x, rows, columns, y, accumulate, as: Float.self)
  }

  private static func apply<E: VectorElement>(
    _ x: TensorSlice, _ rows: Int, _ columns: Int, _ y: TensorSlice, _ accumulate: Bool, as type: E.Type
  ) {
    // Two tiles: as read, and turned.
    withColumns(of: Float.self) { tile in
      let turned = tile + side * side
      for start in stride(from: 0, to: x.count, by: rows * columns) {
        let (from, to) = (x.pointer(as: E.self) + start, y.pointer(as: E.self) + start)
        for row in stride(from: 0, to: rows, by: side) {
          let height = min(side, rows - row)
          for column in stride(from: 0, to: columns, by: side) {
            let width = min(side, columns - column)
            for i in 0..<height {
              Float.store(E.load(from + ((row + i) * columns + column), lanes: width), tile + side * i)
            }
            for i in 0..<width {
              for j in 0..<side { turned[side * i + j] = tile[side * j + i] }
            }
            for i in 0..<width {
              let target = to + ((column + i) * rows + row)
              var values = Float.load(turned + side * i)
              if accumulate { values += E.load(target, lanes: height) }
              E.store(values, target, lanes: height)
            }
          }
        }
      }
    }
  }
}
