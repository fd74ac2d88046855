import Configuration
import Kernels
import Tensors

/// y = γ·(x − μ)/√(σ² + ε) + β, with μ and σ² of each group of channels over all positions of a sample (Wu and He
/// 2018).
///
/// x and y are (B, …, C) with channels last, γ and β (C). As many groups as channels is instance norm (Ulyanov et al.
/// 2016), one group layer norm over the whole sample. Nothing depends on the other samples, so training and evaluation
/// are alike. An activation behind it runs in the same passes, and is computed again from x in the backward pass.
package struct GroupNorm: ConfigurableLayer {
  package static let kind = "group_norm"

  package struct LayerSettings: Settings {
    /// Nil for one per channel.
    package var groups: Int? = 32
    package var epsilon = 1e-5

    package init(groups: Int?) { self.groups = groups }

    package init(from reader: SettingsReader) throws(ConfigurationError) {
      groups = try reader.integer(
        "groups", or: "instance", default: 32, in: 1...1_000_000,
        "parts of the channels that are normalized separately; \"instance\" for every channel on its own")
      epsilon = try reader.number("epsilon", default: 1e-5, in: 0...1, above: true, "added to the variance")
    }
  }

  package let inputShapes: [TensorShape]
  private var kernel: GroupNormKernel

  package init(settings: LayerSettings, inputs: [TensorShape]) throws(LayerError) {
    let input = try Self.single(inputs)
    let groups = settings.groups ?? input.last
    guard input.last % groups == 0 else {
      throw LayerError(
        "\(Self.kind) cannot divide \(input.last) channels into \(groups) groups: \"groups\" must divide the channels")
    }
    guard input.elementCount / input[0] > groups else {
      throw LayerError(
        "\(Self.kind) has groups of a single number on an input of \(input), which would all become β; use fewer groups"
      )
    }
    inputShapes = inputs
    kernel = GroupNormKernel(
      batch: input[0], positions: input.elementCount / (input[0] * input.last), channels: input.last, groups: groups,
      epsilon: Float(settings.epsilon))
  }

  package var parameters: [ParameterDeclaration] {
    [
      ParameterDeclaration("weight", TensorShape([kernel.channels]), .ones),
      ParameterDeclaration("bias", TensorShape([kernel.channels]), .zeros),
    ]
  }

  package var saved: [TensorShape] {
    let statistics = TensorShape([kernel.batch * kernel.groups])
    return [statistics, statistics]
  }
  package func scratchByteCount(_ placement: LayerPlacement) -> Int { kernel.scratchByteCount }
  package var forwardFlops: Int { 8 * outputShape.elementCount }
  package var watchedActivation: Activation? { kernel.activation == .identity ? nil : kernel.activation }

  package func forward(_ frame: Frame) {
    kernel.forward(
      frame.input(), gamma: frame.weight, beta: frame.bias, into: frame.output, mean: frame.mean,
      inverseDeviation: frame.inverseDeviation, scratch: frame.scratch)
  }

  package func backward(_ frame: Frame) {
    kernel.backward(
      frame.input(), gamma: frame.weight, beta: frame.bias, mean: frame.mean,
      inverseDeviation: frame.inverseDeviation, dy: frame.outputGradient, dx: frame.inputGradient(),
      accumulate: frame.accumulatesInputGradient(), dGamma: frame.weightGradient,
      dBeta: frame.biasGradient, accumulateParameters: frame.accumulatesParameterGradient(0),
      scratch: frame.scratch)
  }

  package func fused(with next: any Layer, at input: Int, isTraining: Bool) -> (any Layer)? {
    guard kernel.activation == .identity, let next = next as? ActivationLayer, !next.isReshape,
      Activation.behindNorms.contains(next.activation)
    else { return nil }
    var fused = self
    fused.kernel = GroupNormKernel(
      batch: kernel.batch, positions: kernel.positions, channels: kernel.channels, groups: kernel.groups,
      epsilon: kernel.epsilon, activation: next.activation)
    return fused
  }

  package static let examples = [
    LayerExample(#"{"type": "group_norm", "groups": 2}"#, inputs: [[3, 4, 5, 16]], output: [3, 4, 5, 16]),
    LayerExample(
      #"{"type": "group_norm", "groups": 3, "epsilon": 0.01}"#, inputs: [[2, 3, 5, 21]], output: [2, 3, 5, 21]),
    LayerExample(#"{"type": "group_norm", "groups": "instance"}"#, inputs: [[2, 7, 19]], output: [2, 7, 19]),
    LayerExample(#"{"type": "group_norm", "groups": 4}"#, inputs: [[5, 20]], output: [5, 20]),
  ]
}
