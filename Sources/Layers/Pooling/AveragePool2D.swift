import Configuration
import Kernels
import Tensors

/// y = the mean of each channel under each window; x is (B, H, W, C), y (B, H′, W′, C). Keeps nothing.
package struct AveragePool2D: KernelLayer {
  package static let kind = "average_pool2d"

  package struct LayerSettings: Settings {
    package var window: PoolingWindow
    package var countsPadding = true

    package init(_ window: PoolingWindow) { self.window = window }

    package init(from reader: SettingsReader) throws(ConfigurationError) {
      window = try PoolingWindow(from: reader)
      countsPadding = try reader.boolean(
        "count_include_pad", default: true, "whether zeros around the image are part of the mean")
    }
  }

  package let inputShapes: [TensorShape]
  package let outputShape: TensorShape
  package let kernel: AveragePoolingKernel

  package init(settings: LayerSettings, inputs: [TensorShape]) throws(LayerError) {
    let shape = try settings.window.shape(of: Self.kind, on: try Self.singleImages(inputs))
    inputShapes = inputs
    outputShape = shape.output
    kernel = AveragePoolingKernel(shape, countsPadding: settings.countsPadding)
  }

  package var backwardReads: BackwardReads { [] }

  package static let examples = [
    LayerExample(#"{"type": "average_pool2d", "kernel": 2}"#, inputs: [[2, 5, 4, 19]], output: [2, 2, 2, 19]),
    LayerExample(
      #"{"type": "average_pool2d", "kernel": 3, "stride": 2, "padding": 1}"#, inputs: [[2, 5, 6, 3]],
      output: [2, 3, 3, 3]),
    LayerExample(
      #"{"type": "average_pool2d", "kernel": 3, "stride": 1, "padding": 1, "count_include_pad": false}"#,
      inputs: [[1, 3, 4, 16]], output: [1, 3, 4, 16]),
  ]
}
