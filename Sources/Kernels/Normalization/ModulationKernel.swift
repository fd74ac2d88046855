import Tensors

/// Shifts, factors and gates that a condition applies to the columns of each sample (Peebles and Xie 2023).
///
/// B samples of R rows and D columns; m is (B, parts·D), a part for each shift, factor or gate of the condition. x, y
/// and m are of one type, float32 or bfloat16.
package struct ModulationKernel: Sendable {
  package let samples: Int
  package let rows: Int
  package let columns: Int
  package let parts: Int

  private var sampleCount: Int { rows * columns }
  private var norm: RowNormKernel { RowNormKernel(rows: rows, columns: columns) }

  package init(samples: Int, rows: Int, columns: Int, parts: Int) {
    self.samples = samples
    self.rows = rows
    self.columns = columns
    self.parts = parts
  }

  private func check(_ m: TensorSlice, _ x: TensorSlice, _ y: TensorSlice, _ z: TensorSlice? = nil) {
    precondition(m.count == samples * parts * columns && m.type != .int32)
    precondition(x.count == samples * sampleCount && x.type == m.type)
    precondition(y.count == x.count && y.type == x.type)
    if let z { precondition(z.count == x.count && z.type == x.type) }
  }

  private func part(_ number: Int, of sample: Int, in m: TensorSlice) -> TensorSlice {
    let start = (sample * parts + number) * columns
    return m.slice(start..<start + columns)
  }

  private func rows(of sample: Int, in x: TensorSlice) -> TensorSlice {
    x.slice(sample * sampleCount..<(sample + 1) * sampleCount)
  }

  // MARK: Layer norm

  /// Float32 numbers of scratch for `normalize` and its gradient.
  package var scratchCount: Int { 3 * columns }

  /// y = x̂·(1 + m[scale]) + m[shift], with x̂ the rows of x less their mean, divided by their deviation.
  ///
  /// - Parameters:
  ///   - mean: (B·R) float32, written for the gradient.
  ///   - inverseDeviation: the same.
  ///   - scratch: `scratchCount` float32.
  package func normalize(
    _ x: TensorSlice, by m: TensorSlice, shift: Int, scale: Int, into y: TensorSlice, mean: TensorSlice,
    inverseDeviation: TensorSlice, epsilon: Float, scratch: TensorSlice
  ) {
    check(m, x, y)
    let gamma = scratch.slice(0..<columns)
    let beta = scratch.slice(columns..<2 * columns)
    for sample in 0..<samples {
      copy(part(scale, of: sample, in: m), plus: 1, into: gamma)
      copy(part(shift, of: sample, in: m), plus: 0, into: beta)
      let place = sample * rows..<(sample + 1) * rows
      norm.forward(
        rows(of: sample, in: x), gamma: gamma, beta: beta, into: rows(of: sample, in: y), mean: mean.slice(place),
        inverseDeviation: inverseDeviation.slice(place), epsilon: epsilon)
    }
  }

  /// The gradients of `normalize`.
  ///
  /// - Parameters:
  ///   - dx: the gradient, or += it when `accumulate`; may be `dy` itself otherwise.
  ///   - dm: the gradient is added to its two parts.
  package func normalizeBackward(
    _ x: TensorSlice, by m: TensorSlice, shift: Int, scale: Int, mean: TensorSlice, inverseDeviation: TensorSlice,
    dy: TensorSlice, dx: TensorSlice, accumulate: Bool, dm: TensorSlice?, scratch: TensorSlice
  ) {
    check(m, x, dy, dx)
    let gamma = scratch.slice(0..<columns)
    let dGamma = scratch.slice(columns..<2 * columns)
    let dBeta = scratch.slice(2 * columns..<3 * columns)
    for sample in 0..<samples {
      copy(part(scale, of: sample, in: m), plus: 1, into: gamma)
      let place = sample * rows..<(sample + 1) * rows
      norm.backward(
        rows(of: sample, in: x), gamma: gamma, mean: mean.slice(place),
        inverseDeviation: inverseDeviation.slice(place), dy: rows(of: sample, in: dy), dx: rows(of: sample, in: dx),
        accumulate: accumulate, dGamma: dm.map { _ in dGamma }, dBeta: dm.map { _ in dBeta },
        accumulateParameters: false)
      if let dm {
        add(dGamma, to: part(scale, of: sample, in: dm))
        add(dBeta, to: part(shift, of: sample, in: dm))
      }
    }
  }

  /// y = x + c in float32.
  private func copy(_ x: TensorSlice, plus c: Float, into y: TensorSlice) {
    let to = y.pointer(as: Float.self)
    if x.type == .bfloat16 { return map(columns, x.pointer(as: BFloat16.self), into: to) { $0 + c } }
    map(columns, x.pointer(as: Float.self), into: to) { $0 + c }
  }

  /// y += x, which is float32.
  private func add(_ x: TensorSlice, to y: TensorSlice) {
    let from = x.pointer(as: Float.self)
    if y.type == .bfloat16 {
      let to = y.pointer(as: BFloat16.self)
      map(columns, UnsafePointer(to), from, into: to) { $0 + $1 }
    } else {
      let to = y.pointer(as: Float.self)
      map(columns, UnsafePointer(to), from, into: to) { $0 + $1 }
    }
  }

  // MARK: Gated sum

  /// y = x + m[gate]·f.
  package func add(_ f: TensorSlice, to x: TensorSlice, by m: TensorSlice, gate: Int, into y: TensorSlice) {
    check(m, f, x, y)
    if y.type == .bfloat16 { add(f, x, m, gate, y, as: BFloat16.self) } else { add(f, x, m, gate, y, as: Float.self) }
  }

  private func add<E: VectorElement>(
    _ f: TensorSlice, _ x: TensorSlice, _ m: TensorSlice, _ gate: Int, _ y: TensorSlice, as type: E.Type
  ) {
    let (added, stream, to) = (f.pointer(as: E.self), x.pointer(as: E.self), y.pointer(as: E.self))
    for sample in 0..<samples {
      let gates = part(gate, of: sample, in: m).pointer(as: E.self)
      for row in sample * rows..<(sample + 1) * rows {
        let start = row * columns
        forEachVector(columns) { i, lanes in
          let product = E.load(gates + i, lanes: lanes) * E.load(added + (start + i), lanes: lanes)
          E.store(E.load(stream + (start + i), lanes: lanes) + product, to + (start + i), lanes: lanes)
        }
      }
    }
  }

  /// df = m[gate]·dy, or df += it.
  package func gate(_ dy: TensorSlice, by m: TensorSlice, gate: Int, into df: TensorSlice, accumulate: Bool) {
    check(m, dy, df)
    for sample in 0..<samples {
      ColumnScale.apply(
        rows(of: sample, in: dy), by: part(gate, of: sample, in: m), columns: columns, into: rows(of: sample, in: df),
        accumulate: accumulate)
    }
  }

  /// dm[gate] += Σ over the rows of dy·f.
  package func gateGradient(_ f: TensorSlice, dy: TensorSlice, gate: Int, into dm: TensorSlice) {
    check(dm, f, dy)
    for sample in 0..<samples {
      ColumnScale.gradient(
        rows(of: sample, in: f), dy: rows(of: sample, in: dy), columns: columns, into: part(gate, of: sample, in: dm),
        accumulate: true)
    }
  }
}
