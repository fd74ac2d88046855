import Arenas
import COneDNN

/// A prepared convolution: oneDNN's primitive, and the one that carries the weights between their master copy and the
/// layout that it reads or writes them in.
package final class Convolution: Sendable {
  package let shape: ConvolutionShape
  private let primitive: Primitive
  private let reorder: Primitive
  private let packedByteCount: Int

  package init(_ shape: ConvolutionShape, on stream: OneDNNStream) {
    self.shape = shape
    (primitive, reorder, packedByteCount) = OneDNN.creating { Self.make(shape, on: stream) }
  }

  private static func make(
    _ shape: ConvolutionShape, on stream: OneDNNStream
  ) -> (primitive: Primitive, reorder: Primitive, packedByteCount: Int) {
    let description = shape.description(on: stream)
    var packed = description.memory(shape.packedQuery)
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
    return (Primitive(description, tensors, on: stream), reorder, dnnl_memory_desc_get_size(&packed))
  }

  /// Brings the weights into the layout and type that this convolution reads.
  ///
  /// - Parameters:
  ///   - weights: (O, C / groups, h, w) float32.
  ///   - packed: `shape.demand.packedByteCount` bytes at least.
  package func pack(_ weights: TensorSlice, into packed: TensorSlice) {
    precondition(shape.direction != .weightGradient)
    precondition(weights.count == shape.weightCount && weights.type == .float32)
    precondition(packed.byteCount >= packedByteCount)
    reorder.execute(weights, packed)
  }

  /// y = x ∗ W (+ bias), then the activation.
  ///
  /// - Parameters:
  ///   - x: (B, H, W, C) of `shape.inputs`.
  ///   - packed: what `pack` wrote.
  ///   - bias: [O] float32, where the shape says so.
  ///   - y: (B, H′, W′, O) of `shape.output`.
  package func forward(_ x: TensorSlice, packed: TensorSlice, bias: TensorSlice?, into y: TensorSlice) {
    precondition(shape.direction == .forward && (bias != nil) == shape.hasBias)
    precondition(x.count == shape.inputCount && x.type == shape.inputs)
    precondition(y.count == shape.outputCount && y.type == shape.output)
    precondition(packed.byteCount >= packedByteCount)
    primitive.execute(x, packed, y, bias)
  }

  /// dx, given dy.
  ///
  /// - Parameters:
  ///   - dy: (B, H′, W′, O) of `shape.inputs`.
  ///   - packed: what `pack` of this very convolution wrote: the forward one reads another layout.
  ///   - dx: (B, H, W, C) of `shape.inputs`; is replaced.
  package func inputGradient(_ dy: TensorSlice, packed: TensorSlice, into dx: TensorSlice) {
    precondition(shape.direction == .inputGradient)
    precondition(dy.count == shape.outputCount && dy.type == shape.inputs)
    precondition(dx.count == shape.inputCount && dx.type == shape.inputs)
    precondition(packed.byteCount >= packedByteCount)
    primitive.execute(dy, packed, dx)
  }

  /// dW, or dW += it where the shape accumulates.
  ///
  /// - Parameters:
  ///   - x: (B, H, W, C) of `shape.inputs`.
  ///   - dy: (B, H′, W′, O) of `shape.inputs`.
  ///   - packed: `shape.demand.packedByteCount` bytes at least, that the call may overwrite.
  ///   - dW: (O, C / groups, h, w) float32.
  package func weightGradient(_ x: TensorSlice, _ dy: TensorSlice, through packed: TensorSlice, into dW: TensorSlice) {
    precondition(shape.direction == .weightGradient)
    precondition(x.count == shape.inputCount && x.type == shape.inputs)
    precondition(dy.count == shape.outputCount && dy.type == shape.inputs)
    precondition(dW.count == shape.weightCount && dW.type == .float32)
    precondition(packed.byteCount >= packedByteCount)
    primitive.execute(x, dy, packed)
    reorder.execute(packed, dW)
  }
}
