import Configuration
import Kernels
import Tensors

/// y = γ·x/√(mean(x²) + ε) over the last dimension of each row (Zhang and Sennrich 2019).
///
/// x and y are (…, D), γ (D); keeps 1/√(mean(x²) + ε), one per row.
package struct RMSNorm: ConfigurableLayer {
  package static let kind = "rms_norm"

  package struct LayerSettings: Settings {
    package var epsilon = 1e-5

    package init() {}

    package init(from reader: SettingsReader) throws(ConfigurationError) {
      epsilon = try reader.number("epsilon", default: 1e-5, in: 0...1, above: true, "added to the mean square")
    }
  }

  package let settings: LayerSettings
  package let inputShapes: [TensorShape]
  private let kernel: RowNormKernel

  package init(settings: LayerSettings, inputs: [TensorShape]) throws(LayerError) {
    let input = try Self.single(inputs)
    self.settings = settings
    inputShapes = inputs
    kernel = RowNormKernel(rows: input.elementCount / input.last, columns: input.last)
  }

  package var parameters: [ParameterDeclaration] {
    [ParameterDeclaration("weight", TensorShape([kernel.columns]), .ones)]
  }
  package var saved: [TensorShape] { [TensorShape([kernel.rows])] }
  package var forwardFlops: Int { 5 * outputShape.elementCount }

  package func forward(_ frame: Frame) {
    kernel.forward(
      frame.input(), gamma: frame.weight, beta: nil, into: frame.output, mean: nil, inverseDeviation: frame.saved(0),
      epsilon: Float(settings.epsilon))
  }

  package func backward(_ frame: Frame) {
    kernel.backward(
      frame.input(), gamma: frame.weight, mean: nil, inverseDeviation: frame.saved(0), dy: frame.outputGradient,
      dx: frame.normInputGradient, accumulate: frame.accumulatesInputGradient(), dGamma: frame.weightGradient,
      dBeta: nil, accumulateParameters: frame.accumulatesParameterGradient(0))
  }

  package static let examples = [
    LayerExample(#"{"type": "rms_norm"}"#, inputs: [[4, 19]], output: [4, 19])
  ]
}
