import Tensors

extension Activation {
  /// dx = f'(·)·dy and, in the same pass, the gradient of the bias that was added before: the column sums of dx.
  ///
  /// - Parameters:
  ///   - kept: rows × columns, as for `backward(kept:dy:dx:accumulate:)`.
  ///   - dy: rows × columns.
  ///   - dx: rows × columns; may be `dy` itself.
  ///   - biasGradient: [columns] float32: the sums, or += them when `accumulateBias`. The sums are taken before dx is
  ///     rounded to bfloat16.
  package func backwardWithBias(
    kept: TensorSlice, dy: TensorSlice, dx: TensorSlice, biasGradient: TensorSlice, rows: Int, columns: Int,
    accumulateBias: Bool
  ) {
    let count = rows * columns
    precondition(kept.count == count && dy.count == count && dx.count == count)
    precondition(kept.type == dy.type && dx.type == dy.type && dx.type != .int32)
    precondition(biasGradient.count == columns && biasGradient.type == .float32)
    let pass = BiasPass(
      kept: kept, dy: dy, dx: dx, biasGradient: biasGradient, rows: rows, columns: columns, accumulate: accumulateBias)
    if self == .identity {
      if dx.address != dy.address { dx.copy(from: dy) }
      return ColumnSums.add(dy, rows: rows, columns: columns, into: biasGradient, accumulate: accumulateBias)
    }
    run(pass)
  }
}

private struct BiasPass: PointwisePass {
  let kept: TensorSlice
  let dy: TensorSlice
  let dx: TensorSlice
  let biasGradient: TensorSlice
  let rows: Int
  let columns: Int
  let accumulate: Bool
  var type: ElementType { dx.type }

  func run<F: PointwiseFunction, E: VectorElement>(_ function: F.Type, _ type: E.Type) {
    let k = kept.pointer(as: E.self)
    let g = dy.pointer(as: E.self)
    let out = dx.pointer(as: E.self)
    @inline(__always) func term(_ row: Int, _ column: Int, _ lanes: Int) -> Vector {
      let i = row &* columns &+ column
      let product = F.slope(E.load(k + i, lanes: lanes)) * E.load(g + i, lanes: lanes)
      E.store(product, out + i, lanes: lanes)
      return product
    }
    forEachChunk(columns) { chunk in
      withColumns(of: Double.self) { totals in
        addRows(0..<rows, columns: chunk, to: totals, term)
        write(totals, chunk.count, to: biasGradient.pointer(as: Float.self) + chunk.lowerBound, accumulate: accumulate)
      }
    }
  }
}
