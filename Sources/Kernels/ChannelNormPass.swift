import Arenas

/// y = f((x − center)·scale + shift + shortcut) on a panel, and the way back: what batch norm and group norm share once their
/// statistics are known.
///
/// f is the activation behind the norm; the shortcut of a residual block may be there or not. Without a shortcut, what goes
/// into f is computed again from x, so that neither it nor y is read on the way back.
struct ChannelNormPass<E: VectorElement, F: PointwiseFunction> {
  let panel: ChannelPanel
  let factors: ColumnFactors
  let x: UnsafeMutablePointer<E>

  /// Where the gradient of the shortcut goes.
  enum ShortcutGradient {
    case nowhere
    case set(UnsafeMutablePointer<E>)
    case add(UnsafeMutablePointer<E>)
  }

  /// - Parameter y: may be `x` or `shortcut` itself.
  @inline(__always)
  func forward(shortcut: UnsafeMutablePointer<E>?, into y: UnsafeMutablePointer<E>) {
    @inline(__always) func plain(_ i: Int, _ column: Int, _ lanes: Int) {
      E.store(F.value(normalized(deviation(i, column, lanes), column)), y + i, lanes: lanes)
    }
    guard let shortcut else { return panel.forEachVectorFromTheEnd(plain) }
    @inline(__always) func joined(_ i: Int, _ column: Int, _ lanes: Int) {
      let sum = normalized(deviation(i, column, lanes), column) + E.load(shortcut + i, lanes: lanes)
      E.store(F.value(sum), y + i, lanes: lanes)
    }
    panel.forEachVectorFromTheEnd(joined)
  }

  /// The sums of g·(x − center) and of g for each channel, with g = f'·dy.
  ///
  /// - Parameters:
  ///   - products: [panel.width], zero at first; the sums are in the first `panel.channels`.
  ///   - gradients: as `products`.
  @inline(__always)
  func addGradients(
    dy: UnsafeMutablePointer<E>, to products: UnsafeMutablePointer<Double>, and gradients: UnsafeMutablePointer<Double>
  ) {
    @inline(__always) func terms(_ i: Int, _ column: Int, _ lanes: Int) -> (Vector, Vector) {
      let deviation = deviation(i, column, lanes)
      let gradient = slope(deviation, column) * E.load(dy + i, lanes: lanes)
      return (gradient * deviation, gradient)
    }
    panel.addRows(to: products, and: gradients, terms)
    panel.fold(products)
    panel.fold(gradients)
  }

  /// The same behind a shortcut, where f' follows from y; hands g on to the shortcut on the way.
  ///
  /// - Returns: where g now stands, for `inputGradient`: the shortcut's gradient, or dy, which is overwritten.
  @inline(__always)
  func addGradients(
    dy: UnsafeMutablePointer<E>, y: UnsafeMutablePointer<E>, shortcut: ShortcutGradient,
    to products: UnsafeMutablePointer<Double>, and gradients: UnsafeMutablePointer<Double>
  ) -> UnsafeMutablePointer<E> {
    @inline(__always) func terms(
      _ i: Int, _ column: Int, _ lanes: Int, _ place: UnsafeMutablePointer<E>
    ) -> (Vector, Vector) {
      let gradient = F.slope(E.load(y + i, lanes: lanes)) * E.load(dy + i, lanes: lanes)
      E.store(gradient, place + i, lanes: lanes)
      return (gradient * deviation(i, column, lanes), gradient)
    }
    @inline(__always) func set(_ i: Int, _ column: Int, _ lanes: Int) -> (Vector, Vector) {
      terms(i, column, lanes, place)
    }
    var place = dy
    switch shortcut {
    case .nowhere: panel.addRows(to: products, and: gradients, set)
    case .set(let ds):
      place = ds
      panel.addRows(to: products, and: gradients, set)
    case .add(let ds):
      @inline(__always) func add(_ i: Int, _ column: Int, _ lanes: Int) -> (Vector, Vector) {
        let (product, gradient) = terms(i, column, lanes, dy)
        E.store(gradient + E.load(ds + i, lanes: lanes), ds + i, lanes: lanes)
        return (product, gradient)
      }
      panel.addRows(to: products, and: gradients, add)
    }
    panel.fold(products)
    panel.fold(gradients)
    return place
  }

  /// dx (+)= scale·g + slope·(x − center) + offset.
  ///
  /// - Parameters:
  ///   - gradient: g where `isFinal`, dy otherwise.
  ///   - dx: may be `gradient` itself.
  @inline(__always)
  func inputGradient(
    _ gradient: UnsafeMutablePointer<E>, isFinal: Bool, dx: UnsafeMutablePointer<E>, accumulate: Bool
  ) {
    @inline(__always) func value(_ i: Int, _ column: Int, _ lanes: Int, _ isFinal: Bool) -> Vector {
      let deviation = deviation(i, column, lanes)
      var gradient = E.load(gradient + i, lanes: lanes)
      if !isFinal { gradient *= slope(deviation, column) }
      return Float.load(factors.offsets + column)
        .addingProduct(deviation, Float.load(factors.slopes + column))
        .addingProduct(gradient, Float.load(factors.scales + column))
    }
    @inline(__always) func setFinal(_ i: Int, _ column: Int, _ lanes: Int) {
      E.store(value(i, column, lanes, true), dx + i, lanes: lanes)
    }
    @inline(__always) func set(_ i: Int, _ column: Int, _ lanes: Int) {
      E.store(value(i, column, lanes, false), dx + i, lanes: lanes)
    }
    @inline(__always) func add(_ i: Int, _ column: Int, _ lanes: Int) {
      let value = value(i, column, lanes, isFinal)
      E.store(value + E.load(dx + i, lanes: lanes), dx + i, lanes: lanes)
    }
    switch (accumulate, isFinal) {
    case (false, true): panel.forEachVectorFromTheEnd(setFinal)
    case (false, false): panel.forEachVectorFromTheEnd(set)
    case (true, _): panel.forEachVectorFromTheEnd(add)
    }
  }

  @inline(__always) private func deviation(_ i: Int, _ column: Int, _ lanes: Int) -> Vector {
    E.load(x + i, lanes: lanes) - Float.load(factors.centers + column)
  }

  @inline(__always) private func normalized(_ deviation: Vector, _ column: Int) -> Vector {
    Float.load(factors.shifts + column).addingProduct(deviation, Float.load(factors.scales + column))
  }

  /// f' at what went into f, by the same roundings as forwards.
  @inline(__always) private func slope(_ deviation: Vector, _ column: Int) -> Vector {
    let input = normalized(deviation, column)
    return F.slope(F.slopeReadsOutput ? F.value(input) : input)
  }
}
