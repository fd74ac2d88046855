import Configuration
import Kernels
import Tensors

/// Images `factor` times as high and wide; x is (B, H, W, C), y (B, factor·H, factor·W, C). Keeps nothing.
///
/// `nearest` repeats pixels, `bilinear` draws straight lines between them, with the corners' pixels as squares
/// (`align_corners=False` of PyTorch's `interpolate`); the formulas are at `UpsamplingKernel`.
package struct Upsample2D: KernelLayer {
  package static let kind = "upsample2d"

  package struct LayerSettings: Settings {
    package var factor = 2
    package var mode = UpsamplingKernel.Mode.nearest

    package init(_ mode: UpsamplingKernel.Mode) { self.mode = mode }

    package init(from reader: SettingsReader) throws(ConfigurationError) {
      factor = try reader.integer("factor", default: 2, in: 1...1024, "how many times as high and wide images become")
      mode = try reader.choice("mode", default: UpsamplingKernel.Mode.nearest, "how the new pixels are interpolated")
    }
  }

  package let inputShapes: [TensorShape]
  package let outputShape: TensorShape
  package let kernel: UpsamplingKernel

  package init(settings: LayerSettings, inputs: [TensorShape]) throws(LayerError) {
    let input = try Self.singleImages(inputs)
    guard
      let shape = TensorShape(checking: [
        input[0], input[1] * settings.factor, input[2] * settings.factor, input.last,
      ])
    else { throw LayerError("\(Self.kind) cannot enlarge \(input) by \(settings.factor): too large") }
    inputShapes = inputs
    outputShape = shape
    kernel = UpsamplingKernel(
      batch: input[0], height: input[1], width: input[2], channels: input.last, factor: settings.factor,
      mode: settings.mode)
  }

  package var backwardReads: BackwardReads { [] }

  package static let examples = [
    LayerExample(#"{"type": "upsample2d"}"#, inputs: [[2, 3, 5, 19]], output: [2, 6, 10, 19]),
    LayerExample(#"{"type": "upsample2d", "factor": 3}"#, inputs: [[1, 2, 1, 16]], output: [1, 6, 3, 16]),
    LayerExample(#"{"type": "upsample2d", "mode": "bilinear"}"#, inputs: [[2, 4, 3, 19]], output: [2, 8, 6, 19]),
    LayerExample(
      #"{"type": "upsample2d", "mode": "bilinear", "factor": 3}"#, inputs: [[1, 1, 5, 3]], output: [1, 3, 15, 3]),
  ]
}
