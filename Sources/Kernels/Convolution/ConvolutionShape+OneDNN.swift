import COneDNN
import Tensors

// The descriptors of oneDNN's direct convolution.
extension ConvolutionShape {
  /// Which memory of the primitive is the weights or their gradient.
  var packedQuery: dnnl_query_t { direction == .weightGradient ? dnnl_query_diff_weights_md : dnnl_query_weights_md }

  var imageLayout: MemoryDescription { Self.image(batch, channels, vertical.size, horizontal.size, inputs) }

  var outputLayout: MemoryDescription {
    Self.image(
      batch, filters, vertical.outputSize, horizontal.outputSize, direction == .forward ? output : inputs)
  }

  var biasLayout: MemoryDescription { MemoryDescription([filters], .float32, dnnl_a) }

  /// OIHW, or GOIHW where there are groups: the same bytes.
  var masterLayout: MemoryDescription {
    MemoryDescription(weightExtents, .float32, groups == 1 ? dnnl_oihw : dnnl_goihw)
  }

  private var weightExtents: [Int] {
    let kernel = [channels / groups, vertical.kernel, horizontal.kernel]
    return groups == 1 ? [filters] + kernel : [groups, filters / groups] + kernel
  }

  /// The primitive, with the weights in the layout of its choice.
  func description(on stream: OneDNNStream) -> PrimitiveDescription {
    let image = imageLayout
    let result = outputLayout
    let weights = MemoryDescription(
      weightExtents, direction == .weightGradient ? .float32 : inputs, dnnl_format_tag_any)
    let bias = biasLayout
    let strides = Self.extents(vertical.stride, horizontal.stride)
    // oneDNN counts the elements that are left out.
    let dilations = Self.extents(vertical.dilation - 1, horizontal.dilation - 1)
    let before = Self.extents(vertical.paddingBefore, horizontal.paddingBefore)
    let after = Self.extents(vertical.paddingAfter, horizontal.paddingAfter)
    let kind =
      switch direction {
      case .forward: dnnl_forward_training
      case .inputGradient: dnnl_backward_data
      case .weightGradient: dnnl_backward_weights
      }
    let attributes = PrimitiveAttributes(activation: direction == .forward ? activation : .identity)
    return PrimitiveDescription("the convolution \(self)") { made in
      troupe_convolution_primitive_desc_create(
        made, stream.engine, kind, dnnl_convolution_direct, image.handle, weights.handle,
        direction == .forward && hasBias ? bias.handle : nil, result.handle, strides, dilations, before, after,
        attributes.handle)
    }
  }

  /// From the master copy to the packed weights, or from their packed gradient to the gradient.
  func reorderDescription(_ packed: borrowing MemoryDescription, on stream: OneDNNStream) -> PrimitiveDescription {
    let subject = "the weights of the convolution \(self)"
    return direction == .weightGradient
      ? PrimitiveDescription(
        reordering: packed, to: masterLayout, accumulates: accumulates, on: stream, subject: subject)
      : PrimitiveDescription(reordering: masterLayout, to: packed, on: stream, subject: subject)
  }

  /// oneDNN writes the extents of images as (B, C, H, W) for any order in memory.
  private static func image(
    _ batch: Int, _ channels: Int, _ height: Int, _ width: Int, _ type: ElementType
  ) -> MemoryDescription { MemoryDescription([batch, channels, height, width], type, dnnl_nhwc) }

  private static func extents(_ vertical: Int, _ horizontal: Int) -> [Int64] { [Int64(vertical), Int64(horizontal)] }
}
