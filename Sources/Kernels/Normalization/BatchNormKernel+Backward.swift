import Tensors

extension BatchNormKernel {
  /// dx = gamma·inverse·(g − mean of g − n·mean of g·n), with g = f'·dy and n the normalized x; the means are over the
  /// rows.
  ///
  /// Reads x and dy twice and writes dx once. Behind a shortcut g is written as the shortcut's gradient, or over dy,
  /// and is read from there the second time.
  ///
  /// - Parameters:
  ///   - x: the argument of `forward`, as are `gamma`, `beta` and `statistics`.
  ///   - y: the result of `forward`; only read behind a shortcut.
  ///   - dy: rows × channels, of x's type; overwritten behind a shortcut.
  ///   - dx: rows × channels, of x's type: the gradient, or += it when `accumulate`; may be `dy` itself otherwise.
  ///   - shortcutGradient: rows × channels, of x's type: g, or += it when `accumulateShortcut`. Where it is dx itself,
  ///     the sum of both gradients.
  ///   - dGamma: [channels] float32: the gradient, or += it when `accumulateParameters`.
  ///   - dBeta: as `dGamma`.
  package func backward(
    _ x: TensorSlice, y: TensorSlice, gamma: TensorSlice?, beta: TensorSlice?, statistics: Statistics, dy: TensorSlice,
    dx: TensorSlice?, accumulate: Bool, shortcutGradient: TensorSlice? = nil, accumulateShortcut: Bool = false,
    dGamma: TensorSlice?, dBeta: TensorSlice?, accumulateParameters: Bool
  ) {
    check(x, like: x)
    check(dy, like: x)
    if addsShortcut { check(y, like: x) }
    if let dx { check(dx, like: x) }
    if let shortcutGradient { check(shortcutGradient, like: x) }
    check(gamma)
    check(beta)
    check(statistics.mean)
    check(statistics.inverseDeviation)
    check(dGamma)
    check(dBeta)
    precondition(addsShortcut || shortcutGradient == nil)
    // The sum of both gradients begins with that of x, when g is still needed.
    let isShared = shortcutGradient != nil && shortcutGradient?.address == dx?.address
    let pass = BatchNormBackward(
      kernel: self, x: x, gamma: gamma, beta: beta, statistics: statistics, dy: dy, dx: dx, accumulate: accumulate,
      dGamma: dGamma, dBeta: dBeta, accumulateParameters: accumulateParameters)
    if addsShortcut {
      activation.runBehindShortcut(
        JoinedBackward(
          pass: pass, y: y, shortcutGradient: isShared ? nil : shortcutGradient, accumulateShortcut: accumulateShortcut)
      )
    } else {
      activation.runBehindNorm(PlainBackward(pass: pass))
    }
    if isShared, let dx { Elementwise.add(dy, dx, into: dx) }
  }
}

/// The backward pass with and without a shortcut.
private struct BatchNormBackward {
  let kernel: BatchNormKernel
  let x: TensorSlice
  let gamma: TensorSlice?
  let beta: TensorSlice?
  let statistics: BatchNormKernel.Statistics
  let dy: TensorSlice
  let dx: TensorSlice?
  let accumulate: Bool
  let dGamma: TensorSlice?
  let dBeta: TensorSlice?
  let accumulateParameters: Bool

  /// - Parameter addGradients: `ChannelNormPass.addGradients`; returns what `inputGradient` reads, and whether that is
  ///   g.
  @inline(__always)
  func run<F: PointwiseFunction, E: VectorElement>(
    _ addGradients: (
      ChannelNormPass<E, F>, UnsafeMutablePointer<E>, UnsafeMutablePointer<Double>, UnsafeMutablePointer<Double>
    ) -> (gradient: UnsafeMutablePointer<E>, isFinal: Bool)
  ) {
    let means = statistics.mean.pointer(as: Float.self)
    let inverses = statistics.inverseDeviation.pointer(as: Float.self)
    ChannelPanel.forEach(rows: kernel.rows, channels: kernel.channels) { panel in
      withColumnFactors { factors in
        panel.fill(factors.centers) { means[$0] }
        panel.fill(factors.scales) { inverses[$0] * (gamma?.pointer(as: Float.self)[$0] ?? 1) }
        panel.fill(factors.shifts) { beta?.pointer(as: Float.self)[$0] ?? 0 }
        let pass = ChannelNormPass<E, F>(panel: panel, factors: factors, x: x.pointer(as: E.self))
        let (gradient, isFinal) = withColumns(of: Double.self) { products in
          withColumns(of: Double.self) { gradients in
            let place = addGradients(pass, dy.pointer(as: E.self), products, gradients)
            finish(panel, factors, products, gradients)
            return place
          }
        }
        if let dx { pass.inputGradient(gradient, isFinal: isFinal, dx: dx.pointer(as: E.self), accumulate: accumulate) }
      }
    }
  }

  /// Writes the gradients of the parameters, and the factors of dx.
  private func finish(
    _ panel: ChannelPanel, _ factors: ColumnFactors, _ products: UnsafeMutablePointer<Double>,
    _ gradients: UnsafeMutablePointer<Double>
  ) {
    let inverses = statistics.inverseDeviation.pointer(as: Float.self) + panel.firstChannel
    for i in 0..<panel.channels { products[i] *= Double(inverses[i]) }
    if let dGamma {
      let sums = dGamma.pointer(as: Float.self) + panel.firstChannel
      write(products, panel.channels, to: sums, accumulate: accumulateParameters)
    }
    if let dBeta {
      let sums = dBeta.pointer(as: Float.self) + panel.firstChannel
      write(gradients, panel.channels, to: sums, accumulate: accumulateParameters)
    }
    let rows = Double(kernel.rows)
    panel.fill(factors.slopes) { channel in
      let i = channel - panel.firstChannel
      return Float(-Double(factors.scales[i]) * Double(inverses[i]) * products[i] / rows)
    }
    panel.fill(factors.offsets) { channel in
      let i = channel - panel.firstChannel
      return Float(-Double(factors.scales[i]) * gradients[i] / rows)
    }
  }
}

private struct PlainBackward: PointwisePass {
  let pass: BatchNormBackward
  var type: ElementType { pass.x.type }

  func run<F: PointwiseFunction, E: VectorElement>(_ function: F.Type, _ type: E.Type) {
    pass.run { (norm: ChannelNormPass<E, F>, dy, products, gradients) in
      norm.addGradients(dy: dy, to: products, and: gradients)
      return (dy, F.self == Identity.self)
    }
  }
}

private struct JoinedBackward: PointwisePass {
  let pass: BatchNormBackward
  let y: TensorSlice
  let shortcutGradient: TensorSlice?
  let accumulateShortcut: Bool
  var type: ElementType { pass.x.type }

  func run<F: PointwiseFunction, E: VectorElement>(_ function: F.Type, _ type: E.Type) {
    let ds = shortcutGradient?.pointer(as: type)
    pass.run { (norm: ChannelNormPass<E, F>, dy, products, gradients) in
      let y = y.pointer(as: type)
      guard let ds else {
        norm.addGradients(dy: dy, y: y, to: products, and: gradients) { E.store($2, dy + $0, lanes: $1) }
        return (dy, true)
      }
      if accumulateShortcut {
        norm.addGradients(dy: dy, y: y, to: products, and: gradients) {
          E.store($2, dy + $0, lanes: $1)
          E.store($2 + E.load(ds + $0, lanes: $1), ds + $0, lanes: $1)
        }
        return (dy, true)
      }
      norm.addGradients(dy: dy, y: y, to: products, and: gradients) { E.store($2, ds + $0, lanes: $1) }
      return (ds, true)
    }
  }
}
