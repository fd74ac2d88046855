import Configuration
import Kernels
import Tensors

/// y[b, …, c] = x[b, …, c] + s[b, c]: each channel of each image moved by a number of its own, such as the time of a
/// diffusion makes it (Ho et al. 2020).
///
///     dx = dy      ds = Σ over the pixels of dy
///
/// The inputs are x, (B, H, W, C), and s, (B, C).
package struct ChannelShift: ConfigurableLayer {
  package static let kind = "channel_shift"

  package let inputShapes: [TensorShape]
  private var channels: Int { outputShape.last }

  package init(settings: NoSettings, inputs: [TensorShape]) throws(LayerError) {
    try matchingChannels(Self.kind, inputs, "shifts")
    inputShapes = inputs
  }

  package var backwardReads: BackwardReads { [] }

  package func forward(_ frame: Frame) {
    ColumnShift.apply(frame.input(0), by: frame.input(1), columns: channels, into: frame.output)
  }

  package func backward(_ frame: Frame) {
    let dy = frame.outputGradient
    if let ds = frame.inputGradient(1) {
      ColumnShift.gradient(dy, columns: channels, into: ds, accumulate: frame.accumulatesInputGradient(1))
    }
    if let dx = frame.inputGradient(0) {
      Elementwise.contribute(dy, to: dx, first: !frame.accumulatesInputGradient(0))
    }
  }

  package static let examples = [
    LayerExample(#"{"type": "channel_shift"}"#, inputs: [[2, 3, 5, 19], [2, 19]], output: [2, 3, 5, 19]),
    LayerExample(#"{"type": "channel_shift"}"#, inputs: [[3, 2, 2, 1], [3, 1]], output: [3, 2, 2, 1]),
    LayerExample(#"{"type": "channel_shift"}"#, inputs: [[1, 2, 3, 530], [1, 530]], output: [1, 2, 3, 530]),
  ]
}
