import Tensors

/// The arithmetic that layer norm and RMS norm share: RMS norm is layer norm whose mean is taken as zero.
struct NormPass {
  let rows: Int
  let columns: Int
  /// [columns] float32; 1 where nil.
  let gamma: TensorSlice?
  /// [rows] float32; nil for RMS norm.
  let mean: TensorSlice?
  /// [rows] float32.
  let inverseDeviation: TensorSlice

  /// Rows whose x and dy stay in the L2 cache between the sums down their columns and their dx.
  private static let rowBlock = 32

  /// x, y, z are rows × columns of one type, the parameters [columns] float32.
  func check(_ x: TensorSlice, _ y: TensorSlice, _ z: TensorSlice?, _ first: TensorSlice?, _ second: TensorSlice?) {
    precondition(x.count == rows * columns && x.type != .int32)
    precondition(y.count == x.count && y.type == x.type)
    if let z { precondition(z.count == x.count && z.type == x.type) }
    if let gamma { precondition(gamma.count == columns && gamma.type == .float32) }
    if let first { precondition(first.count == columns && first.type == .float32) }
    if let second { precondition(second.count == columns && second.type == .float32) }
    if let mean { precondition(mean.count == rows && mean.type == .float32) }
    precondition(inverseDeviation.count == rows && inverseDeviation.type == .float32)
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

  /// dx (+)= inverse·(g − mean of g − n·mean of g·n), with g = dy·gamma and n the normalized x; RMS norm has no mean of g.
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
