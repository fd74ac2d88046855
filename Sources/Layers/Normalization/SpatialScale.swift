import Configuration
import Kernels
import Tensors

/// y[b, h, w, c] = s[b, h, w]·x[b, h, w, c]: each pixel of each image scaled by its own factor (Woo et al. 2018).
///
///     dx = s·dy      ds = Σ over the channels of dy·x
///
/// The inputs are x, (B, H, W, C), and s, (B, H, W, 1).
package struct SpatialScale: ConfigurableLayer {
  package static let kind = "spatial_scale"

  package let inputShapes: [TensorShape]

  package init(settings: NoSettings, inputs: [TensorShape]) throws(LayerError) {
    guard inputs.count == 2 else { throw LayerError("\(Self.kind) takes two inputs, got \(inputs.count)") }
    let (x, s) = (inputs[0], inputs[1])
    guard x.rank == 4, s.dimensions == Array(x.dimensions.prefix(3)) + [1] else {
      throw LayerError(
        "\(Self.kind) expects images (batch, height, width, channels) and factors (batch, height, width, 1), "
          + "got \(x) and \(s)")
    }
    inputShapes = inputs
  }

  package func forward(_ frame: Frame) {
    RowScale.apply(frame.input(0), by: frame.input(1), into: frame.output, accumulate: false)
  }

  package func backward(_ frame: Frame) {
    if let ds = frame.inputGradient(1) {
      RowScale.gradient(
        frame.input(0), dy: frame.outputGradient, into: ds, accumulate: frame.accumulatesInputGradient(1))
    }
    if let dx = frame.inputGradient(0) {
      RowScale.apply(
        frame.outputGradient, by: frame.input(1), into: dx, accumulate: frame.accumulatesInputGradient(0))
    }
  }

  package static let examples = [
    LayerExample(#"{"type": "spatial_scale"}"#, inputs: [[2, 3, 5, 19], [2, 3, 5, 1]], output: [2, 3, 5, 19]),
    LayerExample(#"{"type": "spatial_scale"}"#, inputs: [[3, 2, 1, 64], [3, 2, 1, 1]], output: [3, 2, 1, 64]),
  ]
}
