import Configuration
import Kernels
import Tensors

/// y = the largest of each channel under each window; x is (B, H, W, C), y (B, H′, W′, C).
///
/// The gradient goes to the first of equal maxima, as in PyTorch; it is found again by comparing x with y.
package struct MaxPool2D: KernelLayer {
  package static let kind = "max_pool2d"
  package static let traits = LayerTraits(difference: 1e-3)

  package struct LayerSettings: Settings {
    package var window: PoolingWindow

    package init(_ window: PoolingWindow) { self.window = window }
    package init(from reader: SettingsReader) throws(ConfigurationError) { window = try PoolingWindow(from: reader) }
  }

  package let inputShapes: [TensorShape]
  package let outputShape: TensorShape
  package let kernel: MaxPoolingKernel

  package init(settings: LayerSettings, inputs: [TensorShape]) throws(LayerError) {
    let shape = try settings.window.shape(of: Self.kind, on: try Self.singleImages(inputs))
    inputShapes = inputs
    outputShape = shape.output
    kernel = MaxPoolingKernel(shape)
  }

  package var backwardReads: BackwardReads { [.inputs, .output] }

  package static let examples = [
    LayerExample(#"{"type": "max_pool2d", "kernel": 2}"#, inputs: [[2, 5, 4, 19]], output: [2, 2, 2, 19]),
    LayerExample(
      #"{"type": "max_pool2d", "kernel": 3, "stride": 2, "padding": 1}"#, inputs: [[2, 5, 6, 3]], output: [2, 3, 3, 3]),
    LayerExample(
      #"{"type": "max_pool2d", "kernel": [1, 3], "stride": [2, 1]}"#, inputs: [[1, 4, 5, 16]], output: [1, 2, 3, 16]),
  ]
}
