import Configuration
import Kernels
import Tensors

/// Sets whole samples to 0, each with the probability `rate` in training, and scales the others by 1/(1 − rate), so
/// that nothing changes in evaluation. At the end of a residual branch it lets a sample skip the branch (Huang et al.
/// 2016).
///
/// x and y are (B, …). The mask is drawn again in backward.
package struct StochasticDepth: GroupDropout {
  package static let kind = "stochastic_depth"

  package struct LayerSettings: Settings {
    package var rate: Double

    package init(rate: Double) { self.rate = rate }

    package init(from reader: SettingsReader) throws(ConfigurationError) {
      rate = try reader.number("rate", in: 0...0.999, "the probability that a sample is set to 0")
    }
  }

  package let rate: Double
  package let kernel: DropoutKernel
  package let inputShapes: [TensorShape]
  package var groupCount: Int { inputShapes[0][0] }

  package init(settings: LayerSettings, inputs: [TensorShape]) throws(LayerError) {
    _ = try Self.single(inputs)
    rate = settings.rate
    kernel = DropoutKernel(probability: Float(rate))
    inputShapes = inputs
  }

  package func scale(_ x: TensorSlice, by factors: TensorSlice, into y: TensorSlice, accumulate: Bool) {
    RowScale.apply(x, by: factors, into: y, accumulate: accumulate)
  }

  package static let examples = [
    LayerExample(#"{"type": "stochastic_depth", "rate": 0.4}"#, inputs: [[9, 2, 3, 5]], output: [9, 2, 3, 5]),
    LayerExample(#"{"type": "stochastic_depth", "rate": 0.1}"#, inputs: [[17, 18]], output: [17, 18]),
  ]
}
