import Configuration
import Kernels
import Tensors

/// Sets each element to 0 with the probability `rate` in training and scales the others by 1/(1 − rate), so that
/// nothing changes in evaluation (Srivastava et al. 2014, "inverted" scaling).
///
/// The mask is a function of (seed, step, micro-batch, layer, element): backward draws it again instead of keeping it.
package struct Dropout: ConfigurableLayer {
  package static let kind = "dropout"
  package static let traits = LayerTraits(differsInTraining: true)

  package struct LayerSettings: Settings {
    package var rate: Double

    package init(rate: Double) { self.rate = rate }

    package init(from reader: SettingsReader) throws(ConfigurationError) {
      rate = try reader.number("rate", default: 0.5, in: 0...0.999, "the probability of being set to 0")
    }
  }

  package let rate: Double
  private let kernel: DropoutKernel
  package let inputShapes: [TensorShape]

  package init(settings: LayerSettings, inputs: [TensorShape]) throws(LayerError) {
    _ = try Self.single(inputs)
    rate = settings.rate
    kernel = DropoutKernel(probability: Float(rate))
    inputShapes = inputs
  }

  package var backwardReads: BackwardReads { [] }
  package var isReshape: Bool { rate == 0 }

  package func forward(_ frame: Frame) {
    if frame.isTraining {
      kernel.forward(frame.input(), into: frame.output, stream: frame.random(.dropout))
    } else {
      frame.output.copy(from: frame.input())
    }
  }

  package func backward(_ frame: Frame) {
    guard let dx = frame.inputGradient() else { return }
    kernel.backward(
      frame.outputGradient, into: dx, accumulate: frame.accumulatesInputGradient(), stream: frame.random(.dropout))
  }

  package static let examples = [
    LayerExample(#"{"type": "dropout", "rate": 0.3}"#, inputs: [[4, 37]], output: [4, 37])
  ]
}
