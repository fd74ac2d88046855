import Configuration
import Kernels
import Tensors

/// y = the mean of each channel over the whole image (Lin et al. 2014); x is (B, H, W, C), y (B, C). Keeps nothing.
package struct GlobalAveragePool: KernelLayer {
  package static let kind = "global_average_pool"

  package let inputShapes: [TensorShape]
  package let outputShape: TensorShape
  package let kernel: AveragePoolingKernel

  package init(settings: NoSettings, inputs: [TensorShape]) throws(LayerError) {
    let input = try Self.singleImages(inputs)
    inputShapes = inputs
    outputShape = TensorShape([input[0], input.last])
    kernel = AveragePoolingKernel(PoolingShape(whole: input), countsPadding: true)
  }

  package var backwardReads: BackwardReads { [] }

  package static let examples = [
    LayerExample(#"{"type": "global_average_pool"}"#, inputs: [[2, 3, 5, 19]], output: [2, 19]),
    LayerExample(#"{"type": "global_average_pool"}"#, inputs: [[3, 1, 1, 4]], output: [3, 4]),
  ]
}
