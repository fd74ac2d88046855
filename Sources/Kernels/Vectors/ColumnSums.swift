import Tensors

/// Sums down the columns of a matrix: the gradient of a bias.
package enum ColumnSums {
  /// sums = Σ over rows of x, or sums += it.
  ///
  /// - Parameters:
  ///   - x: rows × columns, float32 or bfloat16.
  ///   - sums: [columns] float32.
  package static func add(
    _ x: TensorSlice, rows: Int, columns: Int, into sums: TensorSlice, accumulate: Bool
  ) {
    precondition(x.count == rows * columns && sums.count == columns && sums.type == .float32)
    if x.type == .bfloat16 {
      add(x.pointer(as: BFloat16.self), rows, columns, sums, accumulate)
    } else {
      precondition(x.type == .float32)
      add(x.pointer(as: Float.self), rows, columns, sums, accumulate)
    }
  }

  private static func add<E: VectorElement>(
    _ x: UnsafeMutablePointer<E>, _ rows: Int, _ columns: Int, _ sums: TensorSlice, _ accumulate: Bool
  ) {
    forEachChunk(columns) { chunk in
      withColumns(of: Double.self) { totals in
        addRows(0..<rows, columns: chunk, to: totals) { row, column, lanes in
          E.load(x + (row * columns + column), lanes: lanes)
        }
        write(totals, chunk.count, to: sums.pointer(as: Float.self) + chunk.lowerBound, accumulate: accumulate)
      }
    }
  }
}
