import Tensors

/// y = f((x − mean)·inverseDeviation·gamma + beta + shortcut), with the statistics of each column over all rows (Ioffe
/// and Szegedy 2015).
///
/// The rows are the batch, or batch × pixels in NHWC; the columns are the channels. The activation f and the shortcut
/// of a residual block (He et al. 2015) are optional, and take no pass over memory of their own.
package struct BatchNormKernel: Sendable {
  package let rows: Int
  package let channels: Int
  package let epsilon: Float
  package let activation: Activation
  package let addsShortcut: Bool

  /// - Parameter activation: one of `Activation.behindNorms`, with a shortcut one of `behindShortcuts`.
  package init(
    rows: Int, channels: Int, epsilon: Float, activation: Activation = .identity, addsShortcut: Bool = false
  ) {
    precondition((addsShortcut ? Activation.behindShortcuts : Activation.behindNorms).contains(activation))
    self.rows = rows
    self.channels = channels
    self.epsilon = epsilon
    self.activation = activation
    self.addsShortcut = addsShortcut
  }

  /// The statistics that the rows were normalized with.
  package struct Statistics: Sendable {
    /// [channels] float32.
    package let mean: TensorSlice
    /// [channels] float32: 1 / √(biased variance + epsilon).
    package let inverseDeviation: TensorSlice

    package init(mean: TensorSlice, inverseDeviation: TensorSlice) {
      self.mean = mean
      self.inverseDeviation = inverseDeviation
    }
  }

  /// Normalizes with the statistics of the rows themselves.
  ///
  /// - Parameters:
  ///   - x: rows × channels, float32 or bfloat16.
  ///   - shortcut: rows × channels, of x's type, where the kernel adds one.
  ///   - gamma: [channels] float32; 1 where nil.
  ///   - beta: [channels] float32; 0 where nil.
  ///   - y: rows × channels, of x's type; may be `x` or `shortcut` itself.
  ///   - statistics: written for `backward`.
  ///   - batchMean: [channels] float32, written for the running statistics; may be the other mean itself.
  ///   - batchVariance: [channels] float32, written for the running statistics: unbiased, 0 for a single row.
  package func forward(
    _ x: TensorSlice, shortcut: TensorSlice?, gamma: TensorSlice?, beta: TensorSlice?, into y: TensorSlice,
    statistics: Statistics, batchMean: TensorSlice, batchVariance: TensorSlice
  ) {
    check(statistics.mean)
    check(statistics.inverseDeviation)
    check(batchMean)
    check(batchVariance)
    if x.type == .bfloat16 {
      measure(x.pointer(as: BFloat16.self), statistics, batchMean, batchVariance)
    } else {
      measure(x.pointer(as: Float.self), statistics, batchMean, batchVariance)
    }
    let inverses = statistics.inverseDeviation.pointer(as: Float.self)
    apply(x, shortcut, gamma, beta, y, statistics.mean) { inverses[$0] }
  }

  /// Normalizes with running statistics.
  ///
  /// - Parameters:
  ///   - runningMean: [channels] float32.
  ///   - runningVariance: [channels] float32.
  package func inference(
    _ x: TensorSlice, shortcut: TensorSlice?, gamma: TensorSlice?, beta: TensorSlice?, into y: TensorSlice,
    runningMean: TensorSlice, runningVariance: TensorSlice
  ) {
    check(runningMean)
    check(runningVariance)
    let variances = runningVariance.pointer(as: Float.self)
    apply(x, shortcut, gamma, beta, y, runningMean) { 1 / (variances[$0] + epsilon).squareRoot() }
  }

  func check(_ parameter: TensorSlice?) {
    precondition(parameter.map { $0.count == channels && $0.type == .float32 } ?? true)
  }

  func check(_ tensor: TensorSlice, like x: TensorSlice) {
    precondition(tensor.count == rows * channels && tensor.type == x.type && x.type != .int32)
  }

  private func measure<E: VectorElement>(
    _ x: UnsafeMutablePointer<E>, _ statistics: Statistics, _ batchMean: TensorSlice, _ batchVariance: TensorSlice
  ) {
    let saved = statistics.mean.pointer(as: Float.self)
    let inverses = statistics.inverseDeviation.pointer(as: Float.self)
    let means = batchMean.pointer(as: Float.self)
    let variances = batchVariance.pointer(as: Float.self)
    ChannelPanel.forEach(rows: rows, channels: channels) { panel in
      withColumns(of: Double.self) { centers in
        withColumns(of: Double.self) { squares in
          ChannelMoments.measure(x, panel, means: centers, squares: squares)
          for i in 0..<panel.channels {
            let channel = panel.firstChannel + i
            saved[channel] = Float(centers[i])
            means[channel] = Float(centers[i])
            inverses[channel] = Float(1 / (squares[i] / Double(rows) + Double(epsilon)).squareRoot())
            variances[channel] = Float(squares[i] / Double(max(rows - 1, 1)))
          }
        }
      }
    }
  }

  private func apply(
    _ x: TensorSlice, _ shortcut: TensorSlice?, _ gamma: TensorSlice?, _ beta: TensorSlice?, _ y: TensorSlice,
    _ mean: TensorSlice, _ inverse: (Int) -> Float
  ) {
    check(x, like: x)
    check(y, like: x)
    precondition((shortcut != nil) == addsShortcut)
    if let shortcut { check(shortcut, like: x) }
    check(gamma)
    check(beta)
    let means = mean.pointer(as: Float.self)
    ChannelPanel.forEach(rows: rows, channels: channels) { panel in
      withColumnFactors { factors in
        panel.fill(factors.centers) { means[$0] }
        panel.fill(factors.scales) { inverse($0) * (gamma?.pointer(as: Float.self)[$0] ?? 1) }
        panel.fill(factors.shifts) { beta?.pointer(as: Float.self)[$0] ?? 0 }
        if let shortcut {
          activation.runBehindShortcut(JoinedForward(panel: panel, factors: factors, x: x, shortcut: shortcut, y: y))
        } else {
          activation.runBehindNorm(Forward(panel: panel, factors: factors, x: x, y: y))
        }
      }
    }
  }

  private struct Forward: PointwisePass {
    let panel: ChannelPanel
    let factors: ColumnFactors
    let x: TensorSlice
    let y: TensorSlice
    var type: ElementType { x.type }

    func run<F: PointwiseFunction, E: VectorElement>(_ function: F.Type, _ type: E.Type) {
      ChannelNormPass<E, F>(panel: panel, factors: factors, x: x.pointer(as: type)).forward(into: y.pointer(as: type))
    }
  }

  private struct JoinedForward: PointwisePass {
    let panel: ChannelPanel
    let factors: ColumnFactors
    let x: TensorSlice
    let shortcut: TensorSlice
    let y: TensorSlice
    var type: ElementType { x.type }

    func run<F: PointwiseFunction, E: VectorElement>(_ function: F.Type, _ type: E.Type) {
      ChannelNormPass<E, F>(panel: panel, factors: factors, x: x.pointer(as: type))
        .forward(adding: shortcut.pointer(as: type), into: y.pointer(as: type))
    }
  }
}
