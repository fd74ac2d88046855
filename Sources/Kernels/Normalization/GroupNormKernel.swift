import Tensors

/// y = f((x − mean)·inverseDeviation·gamma + beta), with the statistics of each group of channels over all positions of
/// a sample (Wu and He 2018, "Group Normalization").
///
/// x and y are (B, positions, C); group g has the channels g·C/G ..< (g + 1)·C/G. The input of the activation f is
/// computed again from x by the backward pass, which reads neither it nor y.
package struct GroupNormKernel: Sendable {
  package let batch: Int
  package let positions: Int
  package let channels: Int
  package let groups: Int
  package let epsilon: Float
  package let activation: Activation

  /// - Parameter activation: one of `Activation.behindNorms`.
  package init(
    batch: Int, positions: Int, channels: Int, groups: Int, epsilon: Float, activation: Activation = .identity
  ) {
    precondition(channels % groups == 0 && Activation.behindNorms.contains(activation))
    self.batch = batch
    self.positions = positions
    self.channels = channels
    self.groups = groups
    self.epsilon = epsilon
    self.activation = activation
  }

  var groupSize: Int { channels / groups }
  /// Elements that one mean is taken over.
  var elementCount: Double { Double(positions * groupSize) }

  /// Bytes of `scratch`: two numbers per channel forward, four backward.
  package var scratchByteCount: Int { 4 * channels * MemoryLayout<Double>.size }

  /// - Parameters:
  ///   - x: (B, positions, C), float32 or bfloat16.
  ///   - gamma: [C] float32; 1 where nil.
  ///   - beta: [C] float32; 0 where nil.
  ///   - y: of x's shape and type; may be `x` itself.
  ///   - mean: [B × groups] float32, written for `backward`.
  ///   - inverseDeviation: [B × groups] float32, written for `backward`: 1 / √(biased variance + epsilon).
  package func forward(
    _ x: TensorSlice, gamma: TensorSlice?, beta: TensorSlice?, into y: TensorSlice, mean: TensorSlice,
    inverseDeviation: TensorSlice, scratch: TensorSlice
  ) {
    check(x, y, mean, inverseDeviation, scratch)
    check(gamma)
    check(beta)
    activation.runBehindNorm(
      Forward(
        kernel: self, x: x, gamma: gamma, beta: beta, y: y, mean: mean, inverseDeviation: inverseDeviation,
        scratch: scratch))
  }

  func check(_ parameter: TensorSlice?) {
    precondition(parameter.map { $0.count == channels && $0.type == .float32 } ?? true)
  }

  func check(
    _ x: TensorSlice, _ y: TensorSlice, _ mean: TensorSlice, _ inverseDeviation: TensorSlice, _ scratch: TensorSlice
  ) {
    precondition(x.count == batch * positions * channels && x.type != .int32)
    precondition(y.count == x.count && y.type == x.type && scratch.byteCount >= scratchByteCount)
    precondition(mean.count == batch * groups && mean.type == .float32)
    precondition(inverseDeviation.count == batch * groups && inverseDeviation.type == .float32)
  }

  private struct Forward: PointwisePass {
    let kernel: GroupNormKernel
    let x: TensorSlice
    let gamma: TensorSlice?
    let beta: TensorSlice?
    let y: TensorSlice
    let mean: TensorSlice
    let inverseDeviation: TensorSlice
    let scratch: TensorSlice
    var type: ElementType { x.type }

    func run<F: PointwiseFunction, E: VectorElement>(_ function: F.Type, _ type: E.Type) {
      let centers = scratch.pointer(as: Double.self)
      let squares = centers + kernel.channels
      for sample in 0..<kernel.batch {
        let from = x.pointer(as: type) + sample * kernel.positions * kernel.channels
        let to = y.pointer(as: type) + sample * kernel.positions * kernel.channels
        let means = mean.pointer(as: Float.self) + sample * kernel.groups
        let inverses = inverseDeviation.pointer(as: Float.self) + sample * kernel.groups
        ChannelPanel.forEach(rows: kernel.positions, channels: kernel.channels) { panel in
          ChannelMoments.measure(
            from, panel, means: centers + panel.firstChannel, squares: squares + panel.firstChannel)
        }
        kernel.join(centers, squares, means, inverses)
        ChannelPanel.forEach(rows: kernel.positions, channels: kernel.channels) { panel in
          withColumnFactors { factors in
            kernel.fill(factors, panel, means, inverses, gamma, beta)
            ChannelNormPass<E, F>(panel: panel, factors: factors, x: from).forward(into: to)
          }
        }
      }
    }
  }

  /// The statistics of each group from those of its channels, which all have as many elements.
  private func join(
    _ centers: UnsafeMutablePointer<Double>, _ squares: UnsafeMutablePointer<Double>,
    _ means: UnsafeMutablePointer<Float>, _ inverses: UnsafeMutablePointer<Float>
  ) {
    for group in 0..<groups {
      let members = group * groupSize..<(group + 1) * groupSize
      var sum = 0.0
      for channel in members { sum += centers[channel] }
      let mean = sum / Double(groupSize)
      var total = 0.0
      for channel in members {
        let step = centers[channel] - mean
        total += squares[channel] + step * step * Double(positions)
      }
      means[group] = Float(mean)
      inverses[group] = Float(1 / (total / elementCount + Double(epsilon)).squareRoot())
    }
  }

  /// Center, scale and shift of each channel of a panel in one sample.
  @inline(__always)
  func fill(
    _ factors: ColumnFactors, _ panel: ChannelPanel, _ means: UnsafeMutablePointer<Float>,
    _ inverses: UnsafeMutablePointer<Float>, _ gamma: TensorSlice?, _ beta: TensorSlice?
  ) {
    panel.fill(factors.centers) { means[$0 / groupSize] }
    panel.fill(factors.scales) { inverses[$0 / groupSize] * (gamma?.pointer(as: Float.self)[$0] ?? 1) }
    panel.fill(factors.shifts) { beta?.pointer(as: Float.self)[$0] ?? 0 }
  }
}
