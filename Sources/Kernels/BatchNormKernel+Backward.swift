import Arenas

extension BatchNormKernel {
  /// dx = gamma·inverse·(g − mean of g − n·mean of g·n), with g = f'·dy and n the normalised x; the means are over the rows.
  ///
  /// Reads x and dy twice and writes dx once. Behind a shortcut g is written as the shortcut's gradient, or over dy, and is
  /// read from there the second time.
  ///
  /// - Parameters:
  ///   - x: what `forward` got.
  ///   - y: what `forward` wrote; only read behind a shortcut.
  ///   - gamma: what `forward` got.
  ///   - beta: what `forward` got.
  ///   - statistics: what `forward` wrote.
  ///   - dy: rows × channels, of x's type; overwritten behind a shortcut.
  ///   - dx: rows × channels, of x's type: the gradient, or += it when `accumulate`; may be `dy` itself otherwise.
  ///   - shortcutGradient: rows × channels, of x's type: g, or += it when `accumulateShortcut`. Where it is dx itself, the sum
  ///     of both gradients.
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
    check([gamma, beta, statistics.mean, statistics.inverseDeviation, dGamma, dBeta])
    precondition(addsShortcut || shortcutGradient == nil)
    // The sum of both gradients begins with that of x, when g is still needed.
    let isShared = shortcutGradient != nil && shortcutGradient?.address == dx?.address
    let pass = Backward(
      kernel: self, x: x, y: y, gamma: gamma, beta: beta, statistics: statistics, dy: dy, dx: dx, accumulate: accumulate,
      shortcutGradient: isShared ? nil : shortcutGradient, accumulateShortcut: accumulateShortcut, dGamma: dGamma,
      dBeta: dBeta, accumulateParameters: accumulateParameters)
    activation.run(pass)
    if isShared, let dx { Elementwise.add(dy, dx, into: dx) }
  }

  private struct Backward: PointwisePass {
    let kernel: BatchNormKernel
    let x: TensorSlice
    let y: TensorSlice
    let gamma: TensorSlice?
    let beta: TensorSlice?
    let statistics: Statistics
    let dy: TensorSlice
    let dx: TensorSlice?
    let accumulate: Bool
    let shortcutGradient: TensorSlice?
    let accumulateShortcut: Bool
    let dGamma: TensorSlice?
    let dBeta: TensorSlice?
    let accumulateParameters: Bool

    func run<F: PointwiseFunction>(_ function: F.Type) {
      if x.type == .bfloat16 { run(function, BFloat16.self) } else { run(function, Float.self) }
    }

    private func run<F: PointwiseFunction, E: VectorElement>(_ function: F.Type, _ type: E.Type) {
      let means = statistics.mean.pointer(as: Float.self)
      let inverses = statistics.inverseDeviation.pointer(as: Float.self)
      ChannelPanel.forEach(rows: kernel.rows, channels: kernel.channels) { panel in
        withColumnFactors { factors in
          panel.fill(factors.centers) { means[$0] }
          panel.fill(factors.scales) { inverses[$0] * (gamma?.pointer(as: Float.self)[$0] ?? 1) }
          panel.fill(factors.shifts) { beta?.pointer(as: Float.self)[$0] ?? 0 }
          run(panel, ChannelNormPass<E, F>(panel: panel, factors: factors, x: x.pointer(as: type)))
        }
      }
    }

    @inline(__always)
    private func run<F: PointwiseFunction, E: VectorElement>(_ panel: ChannelPanel, _ pass: ChannelNormPass<E, F>) {
      var gradient = dy.pointer(as: E.self)
      withColumns(of: Double.self) { products in
        withColumns(of: Double.self) { gradients in
          if kernel.addsShortcut {
            gradient = pass.addGradients(
              dy: gradient, y: y.pointer(as: E.self), shortcut: shortcut(E.self), to: products, and: gradients)
          } else {
            pass.addGradients(dy: gradient, to: products, and: gradients)
          }
          finish(panel, pass.factors, products, gradients)
        }
      }
      if let dx {
        pass.inputGradient(gradient, isFinal: kernel.addsShortcut, dx: dx.pointer(as: E.self), accumulate: accumulate)
      }
    }

    @inline(__always)
    private func shortcut<E: VectorElement, F: PointwiseFunction>(
      _ type: E.Type
    ) -> ChannelNormPass<E, F>.ShortcutGradient {
      guard let address = shortcutGradient?.pointer(as: type) else { return .nowhere }
      return accumulateShortcut ? .add(address) : .set(address)
    }

    /// Writes the gradients of the parameters, and what dx is computed with.
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
}
