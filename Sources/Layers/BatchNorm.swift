import Arenas
import Configuration
import Kernels

/// y = γ·(x − μ)/√(σ² + ε) + β, with μ and σ² of each channel over the micro-batch in training, and their running averages
/// in evaluation (Ioffe and Szegedy 2015).
///
/// x and y are (…, C) with channels last, γ and β (C). Running averages move by `momentum` towards each micro-batch's mean
/// and unbiased variance, in the order of the micro-batches, as PyTorch does for one.
package struct BatchNorm: ConfigurableLayer {
  package static let kind = "batch_norm"

  package struct LayerSettings: Settings {
    package var epsilon = 1e-5
    package var momentum = 0.1

    package init() {}

    package init(from reader: SettingsReader) throws(ConfigurationError) {
      epsilon = try reader.number("epsilon", default: 1e-5, in: 0...1, above: true, "added to the variance")
      momentum = try reader.number(
        "momentum", default: 0.1, in: 0...1, "how far running statistics move towards those of a micro-batch")
    }
  }

  package let settings: LayerSettings
  package let inputShapes: [TensorShape]
  package var outputShape: TensorShape { inputShapes[0] }
  private let rows: Int
  private let channels: Int

  package init(settings: LayerSettings, inputs: [TensorShape]) throws(LayerError) {
    let input = try Self.single(inputs)
    self.settings = settings
    inputShapes = inputs
    channels = input.last
    rows = input.elementCount / channels
  }

  package var parameters: [ParameterDeclaration] {
    [
      ParameterDeclaration("weight", TensorShape([channels]), .ones),
      ParameterDeclaration("bias", TensorShape([channels]), .zeros),
    ]
  }

  package var buffers: [BufferDeclaration] {
    [
      BufferDeclaration("running_mean", TensorShape([channels]), initialValue: 0),
      BufferDeclaration("running_var", TensorShape([channels]), initialValue: 1),
    ]
  }

  package var saved: [TensorShape] { [TensorShape([channels]), TensorShape([channels])] }
  package var backwardReads: BackwardReads { .inputs }
  package func scratchByteCount(_ placement: LayerPlacement) -> Int { unneededInputGradient(placement) }
  package var forwardFlops: Int { 8 * outputShape.elementCount }

  package func forward(_ frame: Frame) {
    if frame.isTraining {
      BatchNormKernel.forward(
        frame.input(), gamma: frame.parameter(0), beta: frame.parameter(1), into: frame.output, mean: frame.saved(0),
        inverseDeviation: frame.saved(1), observedMean: frame.observation(0), observedVariance: frame.observation(1),
        rows: rows, channels: channels, epsilon: Float(settings.epsilon))
    } else {
      BatchNormKernel.inference(
        frame.input(), gamma: frame.parameter(0), beta: frame.parameter(1), into: frame.output,
        runningMean: frame.buffer(0), runningVariance: frame.buffer(1), rows: rows, channels: channels,
        epsilon: Float(settings.epsilon))
    }
  }

  package func backward(_ frame: Frame) {
    BatchNormKernel.backward(
      frame.input(), gamma: frame.parameter(0), mean: frame.saved(0), inverseDeviation: frame.saved(1),
      dy: frame.outputGradient, dx: frame.inputGradientOrScratch, accumulate: frame.accumulatesInputGradient(),
      dGamma: frame.parameterGradient(0), dBeta: frame.parameterGradient(1),
      accumulateParameters: frame.accumulatesParameterGradient(0), rows: rows, channels: channels)
  }

  package func fold(observation: TensorSlice, into buffer: TensorSlice, at index: Int) {
    let momentum = Float(settings.momentum)
    let observed = observation.floats
    var running = buffer.mutableFloats
    for channel in running.indices {
      running[channel] = (1 - momentum) * running[channel] + momentum * observed[channel]
    }
  }

  package static let examples = [
    LayerExample(#"{"type": "batch_norm"}"#, inputs: [[12, 19]], output: [12, 19]),
    LayerExample(#"{"type": "batch_norm", "momentum": 0.5}"#, inputs: [[3, 5, 4]], output: [3, 5, 4]),
  ]
}
