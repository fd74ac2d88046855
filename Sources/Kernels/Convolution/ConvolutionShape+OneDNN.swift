import COneDNN
import Tensors

// The descriptors of oneDNN's direct convolution.
extension ConvolutionShape {
  /// Which memory of the primitive is the weights or their gradient.
  var packedQuery: dnnl_query_t { direction == .weightGradient ? dnnl_query_diff_weights_md : dnnl_query_weights_md }

  var imageLayout: dnnl_memory_desc_t { Self.image(batch, channels, vertical.size, horizontal.size, inputs) }

  var outputLayout: dnnl_memory_desc_t {
    Self.image(
      batch, filters, vertical.outputSize, horizontal.outputSize, direction == .forward ? output : inputs)
  }

  var biasLayout: dnnl_memory_desc_t { Self.layout([filters], .float32, dnnl_a) }

  /// OIHW, or GOIHW where there are groups: the same bytes.
  var masterLayout: dnnl_memory_desc_t {
    Self.layout(weightExtents, .float32, groups == 1 ? dnnl_oihw : dnnl_goihw)
  }

  private var weightExtents: [Int] {
    let kernel = [channels / groups, vertical.kernel, horizontal.kernel]
    return groups == 1 ? [filters] + kernel : [groups, filters / groups] + kernel
  }

  /// The primitive, with the weights in the layout of its choice.
  func description(on stream: OneDNNStream) -> PrimitiveDescription {
    let subject = "the convolution \(self)"
    var operation = dnnl_convolution_desc_t()
    var (image, result) = (imageLayout, outputLayout)
    var weights = Self.layout(weightExtents, direction == .weightGradient ? .float32 : inputs, dnnl_format_tag_any)
    // An empty descriptor means no bias.
    var bias = hasBias ? biasLayout : dnnl_memory_desc_t()
    let strides = Self.extents(vertical.stride, horizontal.stride)
    // oneDNN counts the elements that are left out.
    let dilations = Self.extents(vertical.dilation - 1, horizontal.dilation - 1)
    let before = Self.extents(vertical.paddingBefore, horizontal.paddingBefore)
    let after = Self.extents(vertical.paddingAfter, horizontal.paddingAfter)
    let status =
      switch direction {
      case .forward:
        dnnl_dilated_convolution_forward_desc_init(
          &operation, dnnl_forward_training, dnnl_convolution_direct, &image, &weights, &bias, &result, strides,
          dilations, before, after)
      case .inputGradient:
        dnnl_dilated_convolution_backward_data_desc_init(
          &operation, dnnl_convolution_direct, &image, &weights, &result, strides, dilations, before, after)
      case .weightGradient:
        dnnl_dilated_convolution_backward_weights_desc_init(
          &operation, dnnl_convolution_direct, &image, &weights, nil, &result, strides, dilations, before, after)
      }
    OneDNN.check(status, subject)
    let attributes = PrimitiveAttributes(activation: direction == .forward ? activation : .identity)
    return PrimitiveDescription(&operation, attributes, on: stream, subject: subject)
  }

  /// From the master copy to the packed weights, or from their packed gradient to the gradient.
  func reorderDescription(_ packed: dnnl_memory_desc_t, on stream: OneDNNStream) -> PrimitiveDescription {
    let subject = "the weights of the convolution \(self)"
    return direction == .weightGradient
      ? PrimitiveDescription(
        reordering: packed, to: masterLayout, accumulates: accumulates, on: stream, subject: subject)
      : PrimitiveDescription(reordering: masterLayout, to: packed, on: stream, subject: subject)
  }

  /// oneDNN writes the extents of images as (B, C, H, W) for any order in memory.
  private static func image(
    _ batch: Int, _ channels: Int, _ height: Int, _ width: Int, _ type: ElementType
  ) -> dnnl_memory_desc_t { layout([batch, channels, height, width], type, dnnl_nhwc) }

  private static func layout(
    _ extents: [Int], _ type: ElementType, _ tag: dnnl_format_tag_t
  ) -> dnnl_memory_desc_t {
    var description = dnnl_memory_desc_t()
    OneDNN.check(
      dnnl_memory_desc_init_by_tag(&description, Int32(extents.count), extents.map(Int64.init), type.oneDNN, tag),
      "a tensor of \(extents)")
    return description
  }

  private static func extents(_ vertical: Int, _ horizontal: Int) -> [Int64] { [Int64(vertical), Int64(horizontal)] }
}
