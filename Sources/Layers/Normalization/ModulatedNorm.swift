import Configuration
import Kernels
import Tensors

/// y = x̂·(1 + scale) + shift, with x̂ = (x − μ)/√(σ² + ε) over the last dimension: the adaptive layer norm of Peebles
/// and Xie 2023, section 3.2, whose factors and shifts come from a condition instead of being trained.
///
///     dshift[b] = Σ over the tokens of dy      dscale[b] = Σ over the tokens of dy·x̂
///
/// Inputs are x, (B, T, D), and m, (B, parts·D), of which two parts are shift and scale: one product serves all layers
/// of a block. y is (B, T, D); keeps μ and 1/√(σ² + ε), one of each per token.
package struct ModulatedNorm: ConfigurableLayer {
  package static let kind = "modulated_norm"

  package struct LayerSettings: Settings {
    package var shift: Int
    package var scale: Int
    package var epsilon: Double

    /// PyTorch's DiT sets 1e-6 instead of layer norm's usual 1e-5.
    package static let usualEpsilon = 1e-6

    package init(shift: Int, scale: Int) {
      self.shift = shift
      self.scale = scale
      epsilon = Self.usualEpsilon
    }

    package init(from reader: SettingsReader) throws(ConfigurationError) {
      shift = try reader.integer("shift", default: 0, in: 0...63, "the part of the second input that is added")
      scale = try reader.integer("scale", default: 1, in: 0...63, "the part whose 1 + x is the factor")
      epsilon = try reader.number(
        "epsilon", default: Self.usualEpsilon, in: 0...1, above: true, "added to the variance")
      try reader.require(shift != scale, "scale", "shift and scale are the same part")
    }
  }

  private let settings: LayerSettings
  package let inputShapes: [TensorShape]
  private let kernel: ModulationKernel

  package init(settings: LayerSettings, inputs: [TensorShape]) throws(LayerError) {
    guard inputs.count == 2 else { throw LayerError("\(Self.kind) takes two inputs, got \(inputs.count)") }
    precondition(settings.shift != settings.scale)
    kernel = try .modulating(
      inputs[0], by: inputs[1], needing: max(settings.shift, settings.scale) + 1, for: Self.kind)
    self.settings = settings
    inputShapes = inputs
  }

  package var saved: [TensorShape] {
    let rows = TensorShape([kernel.samples * kernel.rows])
    return [rows, rows]
  }

  package func scratchByteCount(_ placement: LayerPlacement) -> Int { 4 * kernel.scratchCount }
  package var forwardFlops: Int { 8 * outputShape.elementCount }

  package func forward(_ frame: Frame) {
    kernel.normalize(
      frame.input(0), by: frame.input(1), shift: settings.shift, scale: settings.scale, into: frame.output,
      mean: frame.mean, inverseDeviation: frame.inverseDeviation, epsilon: Float(settings.epsilon),
      scratch: frame.scratch)
  }

  package func backward(_ frame: Frame) {
    let dm = frame.modulationGradient(1)
    guard frame.inputGradient(0) != nil || dm != nil else { return }
    kernel.normalizeBackward(
      frame.input(0), by: frame.input(1), shift: settings.shift, scale: settings.scale, mean: frame.mean,
      inverseDeviation: frame.inverseDeviation, dy: frame.outputGradient, dx: frame.normInputGradient,
      accumulate: frame.accumulatesInputGradient(0), dm: dm, scratch: frame.scratch)
  }

  package static let examples = [
    LayerExample(#"{"type": "modulated_norm"}"#, inputs: [[3, 5, 19], [3, 38]], output: [3, 5, 19]),
    LayerExample(
      #"{"type": "modulated_norm", "shift": 3, "scale": 1, "epsilon": 0.01}"#, inputs: [[2, 1, 32], [2, 192]],
      output: [2, 1, 32]),
    LayerExample(#"{"type": "modulated_norm"}"#, inputs: [[1, 3, 530], [1, 1060]], output: [1, 3, 530]),
  ]
}

extension ModulationKernel {
  /// The kernel for x, (B, T, D), and a modulation (B, parts·D).
  ///
  /// - Parameters:
  ///   - count: parts that there must be at least.
  ///   - kind: of the layer, for messages.
  static func modulating(
    _ x: TensorShape, by m: TensorShape, needing count: Int, for kind: String
  ) throws(LayerError) -> ModulationKernel {
    guard x.rank == 3, m.rank == 2, m[0] == x[0], m[1] % x[2] == 0, m[1] / x[2] >= count else {
      throw LayerError(
        "\(kind) expects tokens (B, T, D) and \(count) or more parts for each sample (B, parts·D), got \(x) and \(m)")
    }
    return ModulationKernel(samples: x[0], rows: x[1], columns: x[2], parts: m[1] / x[2])
  }
}

extension Frame {
  /// The gradient of a modulation for adding to: its first writer clears the parts that are others'.
  func modulationGradient(_ i: Int) -> TensorSlice? {
    guard let gradient = inputGradient(i) else { return nil }
    if !accumulatesInputGradient(i) { gradient.zero() }
    return gradient
  }
}
