import COneDNN
import Tensors

/// C = A·B (+ C) (+ bias) (then an activation), for fixed shapes and types; matrices are row-major and may be read
/// transposed.
///
/// A request of a layer; the plan turns equal requests of a lane into one `Matmul`.
package struct MatmulShape: Hashable, Sendable {
  /// C is rows × columns, `inner` is summed over.
  package var rows: Int
  package var columns: Int
  package var inner: Int
  /// A is stored inner × rows.
  package var transposesA = false
  /// B is stored columns × inner.
  package var transposesB = false
  package var inputs: ElementType
  package var output: ElementType
  package var hasBias = false
  package var activation = Activation.identity
  /// Adds to C instead of replacing it.
  package var accumulates = false

  package init(
    rows: Int, columns: Int, inner: Int, transposesA: Bool = false, transposesB: Bool = false,
    inputs: ElementType, output: ElementType
  ) {
    self.rows = rows
    self.columns = columns
    self.inner = inner
    self.transposesA = transposesA
    self.transposesB = transposesB
    self.inputs = inputs
    self.output = output
  }

  /// Multiplications and additions.
  package var flops: Int { 2 * rows * columns * inner }

  /// Activations that oneDNN applies while a tile of C is still in registers.
  package static let fusedActivations = PrimitiveAttributes.activations
}

/// A matrix product: oneDNN's matmul primitive, made once and executed many times.
package final class Matmul: Sendable {
  package let shape: MatmulShape
  private let primitive: Primitive

  package init(_ shape: MatmulShape, on stream: OneDNNStream) {
    self.shape = shape
    primitive = OneDNN.creating { Self.make(shape, on: stream) }
  }

  private static func make(_ shape: MatmulShape, on stream: OneDNNStream) -> Primitive {
    let a = Self.matrix(shape.rows, shape.inner, transposed: shape.transposesA, shape.inputs)
    let b = Self.matrix(shape.inner, shape.columns, transposed: shape.transposesB, shape.inputs)
    let c = Self.matrix(shape.rows, shape.columns, transposed: false, shape.output)
    let bias = Self.matrix(1, shape.columns, transposed: false, .float32)
    let attributes = PrimitiveAttributes(accumulates: shape.accumulates, activation: shape.activation)
    let description = PrimitiveDescription("the product \(shape)") { made in
      troupe_matmul_primitive_desc_create(
        made, stream.engine, a.handle, b.handle, shape.hasBias ? bias.handle : nil, c.handle, attributes.handle)
    }
    return Primitive(
      description,
      [
        a.argument(DNNL_ARG_SRC, on: stream), b.argument(DNNL_ARG_WEIGHTS, on: stream),
        c.argument(DNNL_ARG_DST, on: stream),
      ] + (shape.hasBias ? [bias.argument(DNNL_ARG_BIAS, on: stream)] : []),
      on: stream)
  }

  /// - Parameters:
  ///   - a: rows × inner (or inner × rows) elements of `shape.inputs`.
  ///   - b: inner × columns (or columns × inner) elements of `shape.inputs`.
  ///   - bias: [columns] float32, where the shape has one.
  ///   - c: rows × columns elements of `shape.output`.
  package func execute(_ a: TensorSlice, _ b: TensorSlice, bias: TensorSlice? = nil, into c: TensorSlice) {
    precondition(a.count == shape.rows * shape.inner && a.type == shape.inputs)
    precondition(b.count == shape.inner * shape.columns && b.type == shape.inputs)
    precondition(c.count == shape.rows * shape.columns && c.type == shape.output)
    precondition((bias != nil) == shape.hasBias)
    primitive.execute(a, b, c, bias)
  }

  private static func matrix(
    _ rows: Int, _ columns: Int, transposed: Bool, _ type: ElementType
  ) -> MemoryDescription {
    MemoryDescription([rows, columns], type, strides: transposed ? [1, rows] : [columns, 1])
  }
}
