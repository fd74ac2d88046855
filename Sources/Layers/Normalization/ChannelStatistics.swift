import Configuration
import Kernels
import Tensors

/// The mean and the largest of the channels at each pixel: x is (B, H, W, C), y (B, H, W, 2) (Woo et al. 2018).
///
/// The gradient of the largest goes to the first of equals, which is found again by comparing x with y.
package struct ChannelStatistics: KernelLayer {
  package static let kind = "channel_statistics"

  package let inputShapes: [TensorShape]
  package let outputShape: TensorShape
  package let kernel: ChannelStatisticsKernel

  package init(settings: NoSettings, inputs: [TensorShape]) throws(LayerError) {
    let input = try Self.singleImages(inputs)
    guard let shape = TensorShape(checking: input.dimensions.dropLast() + [2]) else {
      throw LayerError("\(Self.kind) cannot give two numbers a pixel of \(input): too large")
    }
    inputShapes = inputs
    outputShape = shape
    kernel = ChannelStatisticsKernel(channels: input.last)
  }

  package var backwardReads: BackwardReads { [.inputs, .output] }
  package var forwardFlops: Int { 2 * inputShapes[0].elementCount }

  // Central differences need a distinct largest.
  package static let examples = [
    LayerExample(#"{"type": "channel_statistics"}"#, inputs: [[1, 2, 2, 35]], output: [1, 2, 2, 2]),
    LayerExample(#"{"type": "channel_statistics"}"#, inputs: [[2, 2, 3, 5]], output: [2, 2, 3, 2]),
    LayerExample(#"{"type": "channel_statistics"}"#, inputs: [[2, 3, 4, 1]], output: [2, 3, 4, 2]),
  ]
}
