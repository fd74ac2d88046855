import Configuration
import Kernels
import Tensors

/// y[b, h, w, c] = s[b, c]·x[b, h, w, c]: each channel of each image scaled by its own factor (Hu et al. 2018).
///
///     dx = s·dy      ds = Σ over the pixels of dy·x
///
/// The inputs are x, (B, H, W, C), and s, (B, C).
package struct ChannelScale: ConfigurableLayer {
  package static let kind = "channel_scale"

  package let inputShapes: [TensorShape]
  private var channels: Int { outputShape.last }

  package init(settings: NoSettings, inputs: [TensorShape]) throws(LayerError) {
    try matchingChannels(Self.kind, inputs, "factors")
    inputShapes = inputs
  }

  package func forward(_ frame: Frame) {
    ColumnScale.apply(
      frame.input(0), by: frame.input(1), columns: channels, into: frame.output, accumulate: false)
  }

  package func backward(_ frame: Frame) {
    if let ds = frame.inputGradient(1) {
      ColumnScale.gradient(
        frame.input(0), dy: frame.outputGradient, columns: channels, into: ds,
        accumulate: frame.accumulatesInputGradient(1))
    }
    if let dx = frame.inputGradient(0) {
      ColumnScale.apply(
        frame.outputGradient, by: frame.input(1), columns: channels, into: dx,
        accumulate: frame.accumulatesInputGradient(0))
    }
  }

  package static let examples = [
    LayerExample(#"{"type": "channel_scale"}"#, inputs: [[2, 3, 5, 19], [2, 19]], output: [2, 3, 5, 19]),
    LayerExample(#"{"type": "channel_scale"}"#, inputs: [[3, 2, 2, 1], [3, 1]], output: [3, 2, 2, 1]),
    LayerExample(#"{"type": "channel_scale"}"#, inputs: [[1, 2, 3, 530], [1, 530]], output: [1, 2, 3, 530]),
  ]
}

/// Refuses inputs that are not images (B, H, W, C) with a number for each channel of each, (B, C).
///
/// - Parameter numbers: what they are called.
func matchingChannels(_ kind: String, _ inputs: [TensorShape], _ numbers: String) throws(LayerError) {
  guard inputs.count == 2 else { throw LayerError("\(kind) takes two inputs, got \(inputs.count)") }
  let (x, s) = (inputs[0], inputs[1])
  guard x.rank == 4, s.dimensions == [x[0], x.last] else {
    throw LayerError(
      "\(kind) expects images (batch, height, width, channels) and \(numbers) (batch, channels), got \(x) and \(s)")
  }
}
