import Tensors

extension Activation {
  /// Those that norms of channels apply, and differentiate, in their own passes.
  package static let behindNorms: [Activation] = [.identity, .relu, .leakyReLU, .silu]
  /// Those that batch norm applies behind the addition of a shortcut.
  package static let behindShortcuts: [Activation] = [.identity, .relu]

  @inline(__always) func runBehindNorm(_ pass: some PointwisePass) {
    switch self {
    case .identity: _ = pass.run(Identity.self)
    case .relu: _ = pass.run(ReLU.self)
    case .leakyReLU: _ = pass.run(LeakyReLU.self)
    case .silu: _ = pass.run(SiLU.self)
    default: preconditionFailure("\(self) is not fused into norms")
    }
  }

  @inline(__always) func runBehindShortcut(_ pass: some PointwisePass) {
    switch self {
    case .identity: _ = pass.run(Identity.self)
    case .relu: _ = pass.run(ReLU.self)
    default: preconditionFailure("\(self) is not fused behind shortcuts")
    }
  }
}

/// y = f((x − center)·scale + shift + shortcut) on a panel, and its gradients: the passes that batch norm and group
/// norm share once their statistics are known.
///
/// f is the activation behind the norm; the shortcut of a residual block is optional. Without one, the input of f is
/// computed again from x, so that the backward pass reads neither it nor y.
struct ChannelNormPass<E: VectorElement, F: PointwiseFunction> {
  let panel: ChannelPanel
  let factors: ColumnFactors
  let x: UnsafeMutablePointer<E>

  private struct Forward {
    let center: Vector
    let scale: Vector
    let shift: Vector

    @inline(__always) init(_ factors: ColumnFactors, _ column: Int) {
      center = Float.load(factors.centers + column)
      scale = Float.load(factors.scales + column)
      shift = Float.load(factors.shifts + column)
    }

    /// The input of f, with the same roundings forward and backward.
    @inline(__always) func input(_ deviation: Vector) -> Vector { shift.addingProduct(deviation, scale) }
  }

  private struct Backward {
    let forward: Forward
    let slope: Vector
    let offset: Vector

    @inline(__always) init(_ factors: ColumnFactors, _ column: Int) {
      forward = Forward(factors, column)
      slope = Float.load(factors.slopes + column)
      offset = Float.load(factors.offsets + column)
    }

    @inline(__always) func inputGradient(_ gradient: Vector, _ deviation: Vector) -> Vector {
      offset.addingProduct(deviation, slope).addingProduct(gradient, forward.scale)
    }
  }

  /// - Parameter y: may be `x` itself.
  @inline(__always)
  func forward(into y: UnsafeMutablePointer<E>) {
    @inline(__always) func load(_ column: Int) -> Forward { Forward(factors, column) }
    @inline(__always) func write(_ i: Int, _ lanes: Int, _ factors: Forward) {
      E.store(F.value(factors.input(E.load(x + i, lanes: lanes) - factors.center)), y + i, lanes: lanes)
    }
    panel.forEachVectorFromTheEnd(load: load, write)
  }

  /// - Parameter y: may be `x` or `shortcut` itself.
  @inline(__always)
  func forward(adding shortcut: UnsafeMutablePointer<E>, into y: UnsafeMutablePointer<E>) {
    @inline(__always) func load(_ column: Int) -> Forward { Forward(factors, column) }
    @inline(__always) func write(_ i: Int, _ lanes: Int, _ factors: Forward) {
      let normalized = factors.input(E.load(x + i, lanes: lanes) - factors.center)
      E.store(F.value(normalized + E.load(shortcut + i, lanes: lanes)), y + i, lanes: lanes)
    }
    panel.forEachVectorFromTheEnd(load: load, write)
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
    @inline(__always) func add(
      _ i: Int, _ column: Int, _ lanes: Int, _ product: inout Vector, _ gradient: inout Vector
    ) {
      let factors = Forward(factors, column)
      let deviation = E.load(x + i, lanes: lanes) - factors.center
      let term = F.gradient(E.load(dy + i, lanes: lanes), input: factors.input(deviation))
      product.addProduct(term, deviation)
      gradient += term
    }
    panel.addRows(to: products, and: gradients, add)
    panel.fold(products)
    panel.fold(gradients)
  }

  /// The same behind a shortcut, where f' follows from y.
  ///
  /// - Parameter handOn: receives each g: element, lanes, g.
  @inline(__always)
  func addGradients(
    dy: UnsafeMutablePointer<E>, y: UnsafeMutablePointer<E>, to products: UnsafeMutablePointer<Double>,
    and gradients: UnsafeMutablePointer<Double>, _ handOn: (Int, Int, Vector) -> Void
  ) {
    @inline(__always) func add(
      _ i: Int, _ column: Int, _ lanes: Int, _ product: inout Vector, _ gradient: inout Vector
    ) {
      let term = F.gradient(E.load(dy + i, lanes: lanes), output: E.load(y + i, lanes: lanes))
      let deviation = E.load(x + i, lanes: lanes) - Float.load(factors.centers + column)
      product.addProduct(term, deviation)
      gradient += term
      handOn(i, lanes, term)
    }
    panel.addRows(to: products, and: gradients, add)
    panel.fold(products)
    panel.fold(gradients)
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
    @inline(__always) func load(_ column: Int) -> Backward { Backward(factors, column) }
    @inline(__always) func setFinal(_ i: Int, _ lanes: Int, _ factors: Backward) {
      let deviation = E.load(x + i, lanes: lanes) - factors.forward.center
      E.store(factors.inputGradient(E.load(gradient + i, lanes: lanes), deviation), dx + i, lanes: lanes)
    }
    @inline(__always) func set(_ i: Int, _ lanes: Int, _ factors: Backward) {
      let deviation = E.load(x + i, lanes: lanes) - factors.forward.center
      let term = F.gradient(E.load(gradient + i, lanes: lanes), input: factors.forward.input(deviation))
      E.store(factors.inputGradient(term, deviation), dx + i, lanes: lanes)
    }
    @inline(__always) func add(_ i: Int, _ lanes: Int, _ factors: Backward) {
      let deviation = E.load(x + i, lanes: lanes) - factors.forward.center
      var term = E.load(gradient + i, lanes: lanes)
      if !isFinal { term = F.gradient(term, input: factors.forward.input(deviation)) }
      E.store(factors.inputGradient(term, deviation) + E.load(dx + i, lanes: lanes), dx + i, lanes: lanes)
    }
    switch (accumulate, isFinal) {
    case (false, true): panel.forEachVectorFromTheEnd(load: load, setFinal)
    case (false, false): panel.forEachVectorFromTheEnd(load: load, set)
    case (true, _): panel.forEachVectorFromTheEnd(load: load, add)
    }
  }
}
