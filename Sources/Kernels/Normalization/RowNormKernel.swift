import Tensors

/// Layer norm and RMS norm along the columns of each row:
///
///     y = (x − mean)·inverseDeviation·gamma + beta    inverseDeviation = 1 / √(mean of (x − mean)² + epsilon)
///
/// with the mean of the row in layer norm (Ba, Kiros and Hinton 2016) and 0 in RMS norm (Zhang and Sennrich 2019).
package struct RowNormKernel: Sendable {
  package let rows: Int
  package let columns: Int

  package init(rows: Int, columns: Int) {
    self.rows = rows
    self.columns = columns
  }

  /// - Parameters:
  ///   - x: rows × columns, float32 or bfloat16.
  ///   - gamma: [columns] float32; 1 where nil.
  ///   - beta: [columns] float32; 0 where nil.
  ///   - y: rows × columns, of x's type; may be `x` itself.
  ///   - mean: [rows] float32, written for `backward`; nil for RMS norm.
  ///   - inverseDeviation: [rows] float32, written for `backward`.
  package func forward(
    _ x: TensorSlice, gamma: TensorSlice?, beta: TensorSlice?, into y: TensorSlice, mean: TensorSlice?,
    inverseDeviation: TensorSlice, epsilon: Float
  ) {
    let pass = RowNormPass(kernel: self, gamma: gamma, mean: mean, inverseDeviation: inverseDeviation)
    pass.check(x, y, nil, beta, nil)
    if x.type == .bfloat16 {
      pass.forward(x.pointer(as: BFloat16.self), beta, y.pointer(as: BFloat16.self), epsilon)
    } else {
      pass.forward(x.pointer(as: Float.self), beta, y.pointer(as: Float.self), epsilon)
    }
  }

  /// - Parameters:
  ///   - x: the argument of `forward`, as are `gamma`, `mean` and `inverseDeviation`.
  ///   - dy: rows × columns, of x's type.
  ///   - dx: rows × columns, of x's type: the gradient, or += it when `accumulate`; may be `dy` itself otherwise.
  ///   - dGamma: [columns] float32: the gradient, or += it when `accumulateParameters`.
  ///   - dBeta: as `dGamma`.
  package func backward(
    _ x: TensorSlice, gamma: TensorSlice?, mean: TensorSlice?, inverseDeviation: TensorSlice, dy: TensorSlice,
    dx: TensorSlice, accumulate: Bool, dGamma: TensorSlice?, dBeta: TensorSlice?, accumulateParameters: Bool
  ) {
    let pass = RowNormPass(kernel: self, gamma: gamma, mean: mean, inverseDeviation: inverseDeviation)
    pass.check(x, dy, dx, dGamma, dBeta)
    if !accumulateParameters {
      dGamma?.zero()
      dBeta?.zero()
    }
    if x.type == .bfloat16 { return pass.backward(x, dy, dx, accumulate, dGamma, dBeta, as: BFloat16.self) }
    pass.backward(x, dy, dx, accumulate, dGamma, dBeta, as: Float.self)
  }
}

private struct RowNormPass {
  let kernel: RowNormKernel
  let gamma: TensorSlice?
  let mean: TensorSlice?
  let inverseDeviation: TensorSlice

  private var rows: Int { kernel.rows }
  private var columns: Int { kernel.columns }

  /// Rows whose x and dy stay in the L2 cache between the sums down their columns and their dx.
  private static let rowBlock = 32

  /// x, y, z are rows × columns of one type, the parameters [columns] float32.
  func check(_ x: TensorSlice, _ y: TensorSlice, _ z: TensorSlice?, _ first: TensorSlice?, _ second: TensorSlice?) {
    precondition(x.count == rows * columns && x.type != .int32)
    precondition(y.count == x.count && y.type == x.type)
    if let z { precondition(z.count == x.count && z.type == x.type) }
    check(gamma)
    check(first)
    check(second)
    if let mean { precondition(mean.count == rows && mean.type == .float32) }
    precondition(inverseDeviation.count == rows && inverseDeviation.type == .float32)
  }

  private func check(_ parameter: TensorSlice?) {
    precondition(parameter.map { $0.count == columns && $0.type == .float32 } ?? true)
  }

  func forward<E: VectorElement>(
    _ x: UnsafeMutablePointer<E>, _ beta: TensorSlice?, _ y: UnsafeMutablePointer<E>, _ epsilon: Float
  ) {
    let scale = gamma?.pointer(as: Float.self)
    let shift = beta?.pointer(as: Float.self)
    let inverses = inverseDeviation.pointer(as: Float.self)
    let means = mean?.pointer(as: Float.self)
    for row in 0..<rows {
      let from = x + row * columns
      let to = y + row * columns
      var center: Float = 0
      @inline(__always) func value(_ i: Int, _ lanes: Int) -> Vector { E.load(from + i, lanes: lanes) }
      @inline(__always) func square(_ i: Int, _ lanes: Int) -> Vector {
        let deviation = E.load(from + i, lanes: lanes) - center
        return deviation * deviation
      }
      if let means {
        center = sumOfVectors(columns, value) / Float(columns)
        means[row] = center
      }
      let squares = sumOfVectors(columns, square)
      let inverse = 1 / (squares / Float(columns) + epsilon).squareRoot()
      inverses[row] = inverse
      @inline(__always) func write(_ i: Int, _ lanes: Int) {
        var value = (E.load(from + i, lanes: lanes) - center) * inverse
        if let scale { value *= Float.load(scale + i, lanes: lanes) }
        if let shift { value += Float.load(shift + i, lanes: lanes) }
        E.store(value, to + i, lanes: lanes)
      }
      forEachVector(columns, write)
    }
  }

  func backward<E: VectorElement>(
    _ x: TensorSlice, _ dy: TensorSlice, _ dx: TensorSlice, _ accumulate: Bool, _ dGamma: TensorSlice?,
    _ dBeta: TensorSlice?, as type: E.Type
  ) {
    let x = x.pointer(as: E.self)
    let dy = dy.pointer(as: E.self)
    let dx = dx.pointer(as: E.self)
    var start = 0
    while start < rows {
      let block = start..<Swift.min(start + Self.rowBlock, rows)
      // The parameters first: dx may overwrite dy.
      if dGamma != nil || dBeta != nil { addParameterGradients(block, x, dy, dGamma, dBeta) }
      for row in block {
        let offset = row * columns
        addInputGradient(row, x + offset, dy + offset, dx + offset, accumulate)
      }
      start = block.upperBound
    }
  }

  /// dGamma += Σ dy·normalized x and dBeta += Σ dy over the rows of `block`.
  @inline(__always)
  private func addParameterGradients<E: VectorElement>(
    _ block: Range<Int>, _ x: UnsafeMutablePointer<E>, _ dy: UnsafeMutablePointer<E>, _ dGamma: TensorSlice?,
    _ dBeta: TensorSlice?
  ) {
    let inverses = inverseDeviation.pointer(as: Float.self)
    let means = mean?.pointer(as: Float.self)
    @inline(__always) func add(
      _ row: Int, _ column: Int, _ lanes: Int, _ gammaSum: inout Vector, _ betaSum: inout Vector
    ) {
      let i = row &* columns &+ column
      let gradient = E.load(dy + i, lanes: lanes)
      let normalized = (E.load(x + i, lanes: lanes) - (means?[row] ?? 0)) * inverses[row]
      gammaSum.addProduct(gradient, normalized)
      betaSum += gradient
    }
    forEachChunk(columns) { chunk in
      withColumns(of: Double.self) { gammaTotals in
        withColumns(of: Double.self) { betaTotals in
          addRows(block, columns: chunk, to: gammaTotals, and: betaTotals, add)
          if let dGamma {
            let sums = dGamma.pointer(as: Float.self) + chunk.lowerBound
            write(gammaTotals, chunk.count, to: sums, accumulate: true)
          }
          if let dBeta {
            let sums = dBeta.pointer(as: Float.self) + chunk.lowerBound
            write(betaTotals, chunk.count, to: sums, accumulate: true)
          }
        }
      }
    }
  }

  /// dx (+)= inverse·(g − mean of g − n·mean of g·n), with g = dy·gamma and n the normalized x; RMS norm has no mean of
  /// g.
  @inline(__always)
  private func addInputGradient<E: VectorElement>(
    _ row: Int, _ x: UnsafeMutablePointer<E>, _ dy: UnsafeMutablePointer<E>, _ dx: UnsafeMutablePointer<E>,
    _ accumulate: Bool
  ) {
    let scale = gamma?.pointer(as: Float.self)
    let inverse = inverseDeviation.pointer(as: Float.self)[row]
    let center = mean?.pointer(as: Float.self)[row] ?? 0
    @inline(__always) func gradient(_ i: Int, _ lanes: Int) -> Vector {
      let gradient = E.load(dy + i, lanes: lanes)
      return if let scale { gradient * Float.load(scale + i, lanes: lanes) } else { gradient }
    }
    @inline(__always) func normalized(_ i: Int, _ lanes: Int) -> Vector {
      (E.load(x + i, lanes: lanes) - center) * inverse
    }
    @inline(__always) func terms(_ i: Int, _ lanes: Int) -> (Vector, Vector) {
      let gradient = gradient(i, lanes)
      return (gradient * normalized(i, lanes), gradient)
    }
    let (products, gradients) = sumsOfVectors(columns, terms)
    let slope = products / Float(columns)
    let offset = mean == nil ? 0 : gradients / Float(columns)
    @inline(__always) func write(_ i: Int, _ lanes: Int) {
      var value = (gradient(i, lanes) - offset).addingProduct(normalized(i, lanes), Vector(repeating: -slope)) * inverse
      if accumulate { value += E.load(dx + i, lanes: lanes) }
      E.store(value, dx + i, lanes: lanes)
    }
    forEachVector(columns, write)
  }
}
