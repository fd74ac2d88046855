import Configuration
import Kernels
import Tensors

/// Sets whole channels of an image to 0, each with the probability `rate` in training, and scales the others by 1/(1 −
/// rate), so that nothing changes in evaluation (Tompson et al. 2015). Adjacent pixels are so much alike that dropping
/// single ones has little effect.
///
/// x and y are (B, H, W, C); each of the B·C channels is dropped independently. The mask is drawn again in backward.
package struct Dropout2D: GroupDropout {
  package static let kind = "dropout2d"
  package typealias LayerSettings = Dropout.LayerSettings

  package let rate: Double
  package let kernel: DropoutKernel
  package let inputShapes: [TensorShape]
  private var channels: Int { inputShapes[0].last }
  package var groupCount: Int { inputShapes[0][0] * channels }

  package init(settings: LayerSettings, inputs: [TensorShape]) throws(LayerError) {
    _ = try Self.singleImages(inputs)
    rate = settings.rate
    kernel = DropoutKernel(probability: Float(rate))
    inputShapes = inputs
  }

  package func scale(_ x: TensorSlice, by factors: TensorSlice, into y: TensorSlice, accumulate: Bool) {
    ColumnScale.apply(x, by: factors, columns: channels, into: y, accumulate: accumulate)
  }

  package static let examples = [
    LayerExample(#"{"type": "dropout2d", "rate": 0.3}"#, inputs: [[3, 2, 4, 19]], output: [3, 2, 4, 19]),
    LayerExample(#"{"type": "dropout2d"}"#, inputs: [[5, 1, 3, 16]], output: [5, 1, 3, 16]),
  ]
}
