import Configuration
import Kernels
import Tensors

/// y = γ·(x − μ)/√(σ² + ε) + β, with μ and σ² over the last dimension of each row (Ba, Kiros and Hinton 2016).
///
/// x and y are (…, D), γ and β (D); keeps μ and 1/√(σ² + ε), one of each per row.
package struct LayerNorm: ConfigurableLayer {
  package static let kind = "layer_norm"

  package struct LayerSettings: Settings {
    package var epsilon = 1e-5
    package var hasBias = true

    package init() {}

    package init(from reader: SettingsReader) throws(ConfigurationError) {
      epsilon = try reader.number("epsilon", default: 1e-5, in: 0...1, above: true, "added to the variance")
      hasBias = try reader.boolean("bias", default: true, "whether β is added")
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
    let weight = ParameterDeclaration("weight", TensorShape([kernel.columns]), .ones)
    return settings.hasBias ? [weight, ParameterDeclaration("bias", TensorShape([kernel.columns]), .zeros)] : [weight]
  }

  package var saved: [TensorShape] { [TensorShape([kernel.rows]), TensorShape([kernel.rows])] }
  package var forwardFlops: Int { 8 * outputShape.elementCount }

  package func forward(_ frame: Frame) {
    kernel.forward(
      frame.input(), gamma: frame.weight, beta: settings.hasBias ? frame.bias : nil, into: frame.output,
      mean: frame.mean, inverseDeviation: frame.inverseDeviation, epsilon: Float(settings.epsilon))
  }

  package func backward(_ frame: Frame) {
    kernel.backward(
      frame.input(), gamma: frame.weight, mean: frame.mean, inverseDeviation: frame.inverseDeviation,
      dy: frame.outputGradient, dx: frame.normInputGradient, accumulate: frame.accumulatesInputGradient(),
      dGamma: frame.weightGradient, dBeta: settings.hasBias ? frame.biasGradient : nil,
      accumulateParameters: frame.accumulatesParameterGradient(0))
  }

  package static let examples = [
    LayerExample(#"{"type": "layer_norm"}"#, inputs: [[4, 19]], output: [4, 19]),
    LayerExample(
      #"{"type": "layer_norm", "bias": false, "epsilon": 0.01}"#, inputs: [[2, 3, 16]], output: [2, 3, 16]),
  ]
}
