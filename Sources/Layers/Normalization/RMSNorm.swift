import Configuration
import Kernels
import Tensors

/// y = γ·x/√(mean(x²) + ε) over the last dimension of each row (Zhang and Sennrich 2019).
///
/// x and y are (…, D), γ (D); keeps 1/√(mean(x²) + ε), one a row.
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
  package var outputShape: TensorShape { inputShapes[0] }
  private let rows: Int
  private let columns: Int

  package init(settings: LayerSettings, inputs: [TensorShape]) throws(LayerError) {
    let input = try Self.single(inputs)
    self.settings = settings
    inputShapes = inputs
    columns = input.last
    rows = input.elementCount / columns
  }

  package var parameters: [ParameterDeclaration] { [ParameterDeclaration("weight", TensorShape([columns]), .ones)] }
  package var saved: [TensorShape] { [TensorShape([rows])] }
  package var backwardReads: BackwardReads { .inputs }
  package func scratchByteCount(_ placement: LayerPlacement) -> Int { unneededInputGradient(placement) }
  package var forwardFlops: Int { 5 * outputShape.elementCount }

  package func forward(_ frame: Frame) {
    RMSNormKernel.forward(
      frame.input(), gamma: frame.parameter(0), into: frame.output, inverseRoot: frame.saved(0), rows: rows,
      columns: columns, epsilon: Float(settings.epsilon))
  }

  package func backward(_ frame: Frame) {
    RMSNormKernel.backward(
      frame.input(), gamma: frame.parameter(0), inverseRoot: frame.saved(0), dy: frame.outputGradient,
      dx: frame.inputGradientOrScratch, accumulate: frame.accumulatesInputGradient(),
      dGamma: frame.parameterGradient(0),
      accumulateParameters: frame.accumulatesParameterGradient(0), rows: rows, columns: columns)
  }

  package static let examples = [
    LayerExample(#"{"type": "rms_norm"}"#, inputs: [[4, 19]], output: [4, 19])
  ]
}
