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
    let image = shape.imageLayout
    let output = shape.outputLayout
    let master = shape.masterLayout
    let tensors =
      switch shape.direction {
      case .forward:
        [
          image.argument(DNNL_ARG_SRC, on: stream), packed.argument(DNNL_ARG_WEIGHTS, on: stream),
          output.argument(DNNL_ARG_DST, on: stream),
        ] + (shape.hasBias ? [shape.biasLayout.argument(DNNL_ARG_BIAS, on: stream)] : [])
      case .inputGradient:
        [
          output.argument(DNNL_ARG_DIFF_DST, on: stream), packed.argument(DNNL_ARG_WEIGHTS, on: stream),
          image.argument(DNNL_ARG_DIFF_SRC, on: stream),
        ]
      case .weightGradient:
        [
          image.argument(DNNL_ARG_SRC, on: stream), output.argument(DNNL_ARG_DIFF_DST, on: stream),
          packed.argument(DNNL_ARG_DIFF_WEIGHTS, on: stream),
        ]
      }
    let ends =
      shape.direction == .weightGradient
      ? [packed.argument(DNNL_ARG_SRC, on: stream), master.argument(DNNL_ARG_DST, on: stream)]
      : [master.argument(DNNL_ARG_SRC, on: stream), packed.argument(DNNL_ARG_DST, on: stream)]
    let reorder = Primitive(shape.reorderDescription(packed, on: stream), ends, on: stream)
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
