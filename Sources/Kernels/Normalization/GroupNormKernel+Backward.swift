import Tensors

extension GroupNormKernel {
  /// dx = inverse·(g·gamma − mean of g·gamma − n·mean of g·gamma·n), with g = f'·dy and n the normalized x; the means
  /// are over a group's elements.
  ///
  /// Each sample is walked twice, the second time out of the caches where it fits them.
  ///
  /// - Parameters:
  ///   - x: the argument of `forward`, as are `gamma`, `beta`, `mean` and `inverseDeviation`.
  ///   - dy: of x's shape and type.
  ///   - dx: of x's shape and type: the gradient, or += it when `accumulate`; may be `dy` itself otherwise.
  ///   - dGamma: [C] float32: the gradient, or += it when `accumulateParameters`.
  ///   - dBeta: as `dGamma`.
  package func backward(
    _ x: TensorSlice, gamma: TensorSlice?, beta: TensorSlice?, mean: TensorSlice, inverseDeviation: TensorSlice,
    dy: TensorSlice, dx: TensorSlice?, accumulate: Bool, dGamma: TensorSlice?, dBeta: TensorSlice?,
    accumulateParameters: Bool, scratch: TensorSlice
  ) {
    check(x, dy, mean, inverseDeviation, scratch)
    check(gamma)
    check(beta)
    check(dGamma)
    check(dBeta)
    if let dx { precondition(dx.count == x.count && dx.type == x.type) }
    activation.runBehindNorm(
      GroupNormBackward(
        kernel: self, x: x, gamma: gamma, beta: beta, mean: mean, inverseDeviation: inverseDeviation, dy: dy, dx: dx,
        accumulate: accumulate, scratch: scratch))
    let totals = scratch.pointer(as: Double.self) + 2 * channels
    if let dGamma { write(totals, channels, to: dGamma.pointer(as: Float.self), accumulate: accumulateParameters) }
    if let dBeta {
      write(totals + channels, channels, to: dBeta.pointer(as: Float.self), accumulate: accumulateParameters)
    }
  }
}

private struct GroupNormBackward: PointwisePass {
  let kernel: GroupNormKernel
  let x: TensorSlice
  let gamma: TensorSlice?
  let beta: TensorSlice?
  let mean: TensorSlice
  let inverseDeviation: TensorSlice
  let dy: TensorSlice
  let dx: TensorSlice?
  let accumulate: Bool
  /// For each channel: Σ g·n and Σ g of a sample, and the same of all samples.
  let scratch: TensorSlice
  var type: ElementType { x.type }

  func run<F: PointwiseFunction, E: VectorElement>(_ function: F.Type, _ type: E.Type) {
    let channels = kernel.channels
    let products = scratch.pointer(as: Double.self)
    let gradients = products + channels
    let totals = gradients + channels
    for i in 0..<2 * channels { totals[i] = 0 }
    for sample in 0..<kernel.batch {
      let start = sample * kernel.positions * channels
      let (from, gradient) = (x.pointer(as: type) + start, dy.pointer(as: type) + start)
      let means = mean.pointer(as: Float.self) + sample * kernel.groups
      let inverses = inverseDeviation.pointer(as: Float.self) + sample * kernel.groups
      ChannelPanel.forEach(rows: kernel.positions, channels: channels) { panel in
        withColumnFactors { factors in
          kernel.fill(factors, panel, means, inverses, gamma, beta)
          let pass = ChannelNormPass<E, F>(panel: panel, factors: factors, x: from)
          sums(panel, pass, gradient, inverses, products, gradients)
        }
      }
      for i in 0..<2 * channels { totals[i] += products[i] }
      guard let dx else { continue }
      average(products, gradients)
      ChannelPanel.forEach(rows: kernel.positions, channels: channels) { panel in
        withColumnFactors { factors in
          kernel.fill(factors, panel, means, inverses, gamma, beta)
          panel.fill(factors.slopes) { channel in
            let inverse = Double(inverses[channel / kernel.groupSize])
            return Float(-inverse * inverse * products[channel / kernel.groupSize])
          }
          panel.fill(factors.offsets) { channel in
            Float(-Double(inverses[channel / kernel.groupSize]) * gradients[channel / kernel.groupSize])
          }
          ChannelNormPass<E, F>(panel: panel, factors: factors, x: from).inputGradient(
            gradient, isFinal: F.self == Identity.self, dx: dx.pointer(as: type) + start, accumulate: accumulate)
        }
      }
    }
  }

  /// Σ g·n and Σ g of each channel of a panel in one sample.
  @inline(__always)
  private func sums<F: PointwiseFunction, E: VectorElement>(
    _ panel: ChannelPanel, _ pass: ChannelNormPass<E, F>, _ dy: UnsafeMutablePointer<E>,
    _ inverses: UnsafeMutablePointer<Float>, _ products: UnsafeMutablePointer<Double>,
    _ gradients: UnsafeMutablePointer<Double>
  ) {
    withColumns(of: Double.self) { panelProducts in
      withColumns(of: Double.self) { panelGradients in
        pass.addGradients(dy: dy, to: panelProducts, and: panelGradients)
        for i in 0..<panel.channels {
          let channel = panel.firstChannel + i
          products[channel] = panelProducts[i] * Double(inverses[channel / kernel.groupSize])
          gradients[channel] = panelGradients[i]
        }
      }
    }
  }

  /// The means over each group of g·gamma·n and g·gamma, in the first of the group's places in front.
  private func average(_ products: UnsafeMutablePointer<Double>, _ gradients: UnsafeMutablePointer<Double>) {
    let gamma = gamma?.pointer(as: Float.self)
    for group in 0..<kernel.groups {
      var (product, gradient) = (0.0, 0.0)
      for channel in group * kernel.groupSize..<(group + 1) * kernel.groupSize {
        let factor = Double(gamma?[channel] ?? 1)
        product += factor * products[channel]
        gradient += factor * gradients[channel]
      }
      // Group g is written after its channels, which begin at or behind g, were read.
      products[group] = product / kernel.elementCount
      gradients[group] = gradient / kernel.elementCount
    }
  }
}
