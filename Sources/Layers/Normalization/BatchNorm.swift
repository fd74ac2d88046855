import Configuration
import Kernels
import Tensors

/// y = γ·(x − μ)/√(σ² + ε) + β, with μ and σ² of each channel over the micro-batch in training, and their running
/// averages in evaluation (Ioffe and Szegedy 2015).
///
/// x and y are (…, C) with channels last, γ and β (C). Running averages move by `momentum` toward each micro-batch's
/// mean and unbiased variance, in the order of the micro-batches, as PyTorch does for one.
///
/// A shortcut s that is added to the output, and an activation f behind either, run in the same passes: y = f(norm(x) +
/// s), with s as the second input. Without a shortcut backward reads only x and dy.
package struct BatchNorm: ConfigurableLayer {
  package static let kind = "batch_norm"
  package static let traits = LayerTraits(differsInTraining: true)

  package struct LayerSettings: Settings {
    package var epsilon = 1e-5
    package var momentum = 0.1

    package init() {}

    package init(from reader: SettingsReader) throws(ConfigurationError) {
      epsilon = try reader.number("epsilon", default: 1e-5, in: 0...1, above: true, "added to the variance")
      momentum = try reader.number(
        "momentum", default: 0.1, in: 0...1, "how far running statistics move toward those of a micro-batch")
    }
  }

  package let settings: LayerSettings
  package private(set) var inputShapes: [TensorShape]
  private var kernel: BatchNormKernel
  private var channels: Int { kernel.channels }

  package init(settings: LayerSettings, inputs: [TensorShape]) throws(LayerError) {
    let input = try Self.single(inputs)
    self.settings = settings
    inputShapes = inputs
    kernel = BatchNormKernel(
      rows: input.elementCount / input.last, channels: input.last, epsilon: Float(settings.epsilon))
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
  package var backwardReads: BackwardReads {
    kernel.addsShortcut && kernel.activation != .identity ? [.input(0), .output] : .input(0)
  }
  package var forwardFlops: Int { 8 * outputShape.elementCount }
  package var watchedActivation: Activation? { kernel.activation == .identity ? nil : kernel.activation }
  package var additions: [String] {
    (kernel.addsShortcut ? [ResidualAdd.kind] : []) + (watchedActivation.map { [$0.rawValue] } ?? [])
  }

  private func statistics(_ frame: Frame) -> BatchNormKernel.Statistics {
    BatchNormKernel.Statistics(mean: frame.mean, inverseDeviation: frame.inverseDeviation)
  }

  package func forward(_ frame: Frame) {
    let shortcut = kernel.addsShortcut ? frame.input(1) : nil
    if frame.isTraining {
      kernel.forward(
        frame.input(), shortcut: shortcut, gamma: frame.weight, beta: frame.bias, into: frame.output,
        statistics: statistics(frame), batchMean: frame.batchStatistics(0), batchVariance: frame.batchStatistics(1))
    } else {
      kernel.inference(
        frame.input(), shortcut: shortcut, gamma: frame.weight, beta: frame.bias, into: frame.output,
        runningMean: frame.buffer(0), runningVariance: frame.buffer(1))
    }
  }

  package func backward(_ frame: Frame) {
    kernel.backward(
      frame.input(), y: frame.output, gamma: frame.weight, beta: frame.bias,
      statistics: statistics(frame),
      dy: frame.outputGradient, dx: frame.inputGradient(), accumulate: frame.accumulatesInputGradient(),
      shortcutGradient: kernel.addsShortcut ? frame.inputGradient(1) : nil,
      accumulateShortcut: kernel.addsShortcut && frame.accumulatesInputGradient(1), dGamma: frame.weightGradient,
      dBeta: frame.biasGradient, accumulateParameters: frame.accumulatesParameterGradient(0))
  }

  package func fold(batchStatistics: TensorSlice, into buffer: TensorSlice, at index: Int) {
    let momentum = Float(settings.momentum)
    let observed = batchStatistics.floats
    var running = buffer.mutableFloats
    for channel in running.indices {
      running[channel] = (1 - momentum) * running[channel] + momentum * observed[channel]
    }
  }

  package func fused(with next: any Layer, at input: Int, isTraining: Bool) -> (any Layer)? {
    guard kernel.activation == .identity else { return nil }
    var fused = self
    var (activation, addsShortcut) = (Activation.identity, kernel.addsShortcut)
    if next is ResidualAdd, !addsShortcut {
      addsShortcut = true
      fused.inputShapes.append(inputShapes[0])
    } else if let next = next as? ActivationLayer, !next.isReshape,
      (addsShortcut ? Activation.behindShortcuts : Activation.behindNorms).contains(next.activation)
    {
      activation = next.activation
    } else {
      return nil
    }
    fused.kernel = BatchNormKernel(
      rows: kernel.rows, channels: channels, epsilon: kernel.epsilon, activation: activation, addsShortcut: addsShortcut
    )
    return fused
  }

  package static let examples = [
    LayerExample(#"{"type": "batch_norm"}"#, inputs: [[12, 19]], output: [12, 19]),
    LayerExample(#"{"type": "batch_norm", "momentum": 0.5}"#, inputs: [[3, 5, 4]], output: [3, 5, 4]),
    LayerExample(#"{"type": "batch_norm"}"#, inputs: [[2, 5, 7, 16]], output: [2, 5, 7, 16]),
  ]
}
