import COneDNN
import Tensors

/// A convolution by its definition: oneDNN's primitive, and the one that carries the weights between their master copy
/// and the layout that it reads or writes them in.
struct DirectConvolution: Sendable {
  private let primitive: Primitive
  private let reorder: Primitive

  init(_ shape: ConvolutionShape, on stream: OneDNNStream) {
    (primitive, reorder) = OneDNN.creating { Self.make(shape, on: stream) }
  }

  private static func make(
    _ shape: ConvolutionShape, on stream: OneDNNStream
  ) -> (primitive: Primitive, reorder: Primitive) {
    let description = shape.description(on: stream)
    let packed = description.memory(shape.packedQuery)
    let (image, output, master) = (shape.imageLayout, shape.outputLayout, shape.masterLayout)
    let tensors: [(Int32, dnnl_memory_desc_t)] =
      switch shape.direction {
      case .forward:
        [(DNNL_ARG_SRC, image), (DNNL_ARG_WEIGHTS, packed), (DNNL_ARG_DST, output)]
          + (shape.hasBias ? [(DNNL_ARG_BIAS, shape.biasLayout)] : [])
      case .inputGradient: [(DNNL_ARG_DIFF_DST, output), (DNNL_ARG_WEIGHTS, packed), (DNNL_ARG_DIFF_SRC, image)]
      case .weightGradient: [(DNNL_ARG_SRC, image), (DNNL_ARG_DIFF_DST, output), (DNNL_ARG_DIFF_WEIGHTS, packed)]
      }
    let isGradient = shape.direction == .weightGradient
    let reorder = Primitive(
      shape.reorderDescription(packed, on: stream),
      [(DNNL_ARG_SRC, isGradient ? packed : master), (DNNL_ARG_DST, isGradient ? master : packed)], on: stream)
    return (Primitive(description, tensors, on: stream), reorder)
  }

  func pack(_ weights: TensorSlice, into packed: TensorSlice) { reorder.execute(weights, packed) }

  /// From the packed gradient to dW, or added to it.
  func unpack(_ packed: TensorSlice, into dW: TensorSlice) { reorder.execute(packed, dW) }

  /// - Parameters: x, W, y (and the bias); or dy, W, dx; or x, dy, dW; W and dW packed.
  func execute(_ first: TensorSlice, _ second: TensorSlice, _ third: TensorSlice, _ bias: TensorSlice? = nil) {
    primitive.execute(first, second, third, bias)
  }
}
