import Configuration
import Kernels
import Tensors

/// y = the largest of each channel over the whole image; x is (B, H, W, C), y (B, C).
///
/// The gradient goes to the first of equal maxima; it is found again by comparing x with y.
package struct GlobalMaxPool: KernelLayer {
  package static let kind = "global_max_pool"

  package let inputShapes: [TensorShape]
  package let outputShape: TensorShape
  package let kernel: MaxPoolingKernel

  package init(settings: NoSettings, inputs: [TensorShape]) throws(LayerError) {
    let input = try Self.singleImages(inputs)
    inputShapes = inputs
    outputShape = TensorShape([input[0], input.last])
    kernel = MaxPoolingKernel(PoolingShape(whole: input))
  }

  package var backwardReads: BackwardReads { [.inputs, .output] }
  package var forwardFlops: Int { inputShapes[0].elementCount }

  // Central differences need a distinct largest.
  package static let examples = [
    LayerExample(#"{"type": "global_max_pool"}"#, inputs: [[3, 2, 3, 4]], output: [3, 4]),
    LayerExample(#"{"type": "global_max_pool"}"#, inputs: [[2, 2, 3, 18]], output: [2, 18]),
    LayerExample(#"{"type": "global_max_pool"}"#, inputs: [[2, 1, 1, 16]], output: [2, 16]),
  ]
}
