import Configuration
import Kernels
import Tensors

/// y = f(x) for one of the pointwise nonlinearities; keeps y where the derivative follows from it, x otherwise.
package struct ActivationLayer: ConfigurableLayer {
  package static let kind = "activation"

  package struct LayerSettings: Settings {
    package var function: Activation

    package init(_ function: Activation) { self.function = function }

    package init(from reader: SettingsReader) throws(ConfigurationError) {
      function = try reader.activation("function")
    }
  }

  package let activation: Activation
  package let inputShapes: [TensorShape]

  package init(settings: LayerSettings, inputs: [TensorShape]) throws(LayerError) {
    _ = try Self.single(inputs)
    activation = settings.function
    inputShapes = inputs
  }

  package var backwardReads: BackwardReads { activation.derivativeFollowsFromOutput ? .output : .inputs }
  package var isReshape: Bool { activation == .identity }
  package var watchedActivation: Activation? { activation == .identity ? nil : activation }

  package func forward(_ frame: Frame) { activation.apply(frame.input(), into: frame.output) }

  package func backward(_ frame: Frame) {
    guard let dx = frame.inputGradient() else { return }
    activation.backward(
      kept: activation.derivativeFollowsFromOutput ? frame.output : frame.input(), dy: frame.outputGradient, dx: dx,
      accumulate: frame.accumulatesInputGradient())
  }

  package static let examples = Activation.allCases.map {
    LayerExample(#"{"type": "activation", "function": "\#($0.rawValue)"}"#, inputs: [[3, 21]], output: [3, 21])
  }
}
