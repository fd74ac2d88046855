import Arenas
import COneDNN

/// C = A·B (+ C) (+ bias) (then an activation), for fixed shapes and types; matrices are row-major and may be read transposed.
///
/// What a layer asks for; the plan turns equal requests of a lane into one prepared `Matmul`.
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
  /// Adds to what C holds instead of replacing it.
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
  package static let fusedActivations: [Activation] = [.identity, .relu]
}

/// A prepared matrix product: oneDNN's matmul primitive with its memory descriptors, made once and executed many times.
// Sendable because the lane it was made for is the only one that executes it: arguments are set on every call.
package final class Matmul: @unchecked Sendable {
  package let shape: MatmulShape
  private let stream: OneDNNStream
  private let primitive: dnnl_primitive_t
  private let memories: [dnnl_memory_t]
  private let arguments: UnsafeMutableBufferPointer<dnnl_exec_arg_t>
  private let scratchpad: UnsafeMutableRawPointer

  package init(_ shape: MatmulShape, on stream: OneDNNStream) {
    self.shape = shape
    self.stream = stream
    var a = Self.matrix(shape.rows, shape.inner, transposed: shape.transposesA, shape.inputs)
    var b = Self.matrix(shape.inner, shape.columns, transposed: shape.transposesB, shape.inputs)
    var c = Self.matrix(shape.rows, shape.columns, transposed: false, shape.output)
    var bias = Self.matrix(1, shape.columns, transposed: false, .float32)
    var description = dnnl_matmul_desc_t()
    let status =
      shape.hasBias
      ? dnnl_matmul_desc_init(&description, &a, &b, &bias, &c) : dnnl_matmul_desc_init(&description, &a, &b, nil, &c)
    OneDNN.check(status, "the product \(shape)")
    let attributes = Self.attributes(of: shape)
    defer { dnnl_primitive_attr_destroy(attributes) }
    var primitiveDescription: dnnl_primitive_desc_t?
    OneDNN.check(
      dnnl_primitive_desc_create(&primitiveDescription, &description, attributes, stream.engine, nil),
      "the product \(shape)")
    defer { dnnl_primitive_desc_destroy(primitiveDescription) }
    var primitive: dnnl_primitive_t?
    OneDNN.check(dnnl_primitive_create(&primitive, primitiveDescription), "the product \(shape)")
    guard let primitive else { preconditionFailure("oneDNN returned no primitive") }
    self.primitive = primitive

    let scratchpadDescription = dnnl_primitive_desc_query_md(primitiveDescription, dnnl_query_scratchpad_md, 0)
    let scratchpadSize = dnnl_memory_desc_get_size(scratchpadDescription)
    scratchpad = .allocate(byteCount: max(scratchpadSize, 64), alignment: 64)
    var memories = [Self.memory(&a, stream), Self.memory(&b, stream), Self.memory(&c, stream)]
    var indices = [DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST]
    if shape.hasBias {
      memories.append(Self.memory(&bias, stream))
      indices.append(DNNL_ARG_BIAS)
    }
    if scratchpadSize > 0, var description = scratchpadDescription?.pointee {
      let memory = Self.memory(&description, stream)
      OneDNN.check(dnnl_memory_set_data_handle(memory, scratchpad), "a scratchpad")
      memories.append(memory)
      indices.append(DNNL_ARG_SCRATCHPAD)
    }
    self.memories = memories
    arguments = .allocate(capacity: memories.count)
    for (position, memory) in memories.enumerated() {
      arguments.initializeElement(at: position, to: dnnl_exec_arg_t(arg: indices[position], memory: memory))
    }
  }

  deinit {
    dnnl_primitive_destroy(primitive)
    for memory in memories { dnnl_memory_destroy(memory) }
    arguments.deallocate()
    scratchpad.deallocate()
  }

  /// - Parameters:
  ///   - a: rows × inner (or inner × rows) elements of `shape.inputs`.
  ///   - b: inner × columns (or columns × inner) elements of `shape.inputs`.
  ///   - bias: columns float32, where the shape says so.
  ///   - c: rows × columns elements of `shape.output`.
  package func execute(_ a: TensorSlice, _ b: TensorSlice, bias: TensorSlice? = nil, into c: TensorSlice) {
    precondition(a.count == shape.rows * shape.inner && a.type == shape.inputs)
    precondition(b.count == shape.inner * shape.columns && b.type == shape.inputs)
    precondition(c.count == shape.rows * shape.columns && c.type == shape.output)
    precondition((bias != nil) == shape.hasBias)
    dnnl_memory_set_data_handle(arguments[0].memory, a.address)
    dnnl_memory_set_data_handle(arguments[1].memory, b.address)
    dnnl_memory_set_data_handle(arguments[2].memory, c.address)
    if let bias { dnnl_memory_set_data_handle(arguments[3].memory, bias.address) }
    let status = dnnl_primitive_execute(primitive, stream.stream, Int32(arguments.count), arguments.baseAddress)
    OneDNN.check(status, "to run the product \(shape)")
  }

  private static func matrix(
    _ rows: Int, _ columns: Int, transposed: Bool, _ type: ElementType
  ) -> dnnl_memory_desc_t {
    var description = dnnl_memory_desc_t()
    var extents = dims(rows, columns)
    var strides = transposed ? dims(1, rows) : dims(columns, 1)
    let status = withUnsafePointer(to: &extents) { extents in
      withUnsafePointer(to: &strides) { strides in
        extents.withMemoryRebound(to: Int64.self, capacity: Int(DNNL_MAX_NDIMS)) { extents in
          strides.withMemoryRebound(to: Int64.self, capacity: Int(DNNL_MAX_NDIMS)) { strides in
            dnnl_memory_desc_init_by_strides(&description, 2, extents, type.oneDNN, strides)
          }
        }
      }
    }
    OneDNN.check(status, "a matrix of \(rows) by \(columns)")
    return description
  }

  private static func dims(_ first: Int, _ second: Int) -> InlineArray<12, Int64> {
    var dims = InlineArray<12, Int64>(repeating: 0)
    dims[0] = Int64(first)
    dims[1] = Int64(second)
    return dims
  }

  private static func memory(_ description: inout dnnl_memory_desc_t, _ stream: OneDNNStream) -> dnnl_memory_t {
    var memory: dnnl_memory_t?
    // No buffer yet: every execution sets its own.
    OneDNN.check(dnnl_memory_create(&memory, &description, stream.engine, nil), "a memory object")
    guard let memory else { preconditionFailure("oneDNN returned no memory object") }
    return memory
  }

  private static func attributes(of shape: MatmulShape) -> dnnl_primitive_attr_t {
    var attributes: dnnl_primitive_attr_t?
    OneDNN.check(dnnl_primitive_attr_create(&attributes), "attributes")
    guard let attributes else { preconditionFailure("oneDNN returned no attributes") }
    // The default scratchpad belongs to the thread that made the primitive; ours belongs to the product.
    OneDNN.check(dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user), "a scratchpad of ours")
    var operations: dnnl_post_ops_t?
    OneDNN.check(dnnl_post_ops_create(&operations), "post-operations")
    defer { dnnl_post_ops_destroy(operations) }
    if shape.accumulates { OneDNN.check(dnnl_post_ops_append_sum(operations, 1), "a sum") }
    switch shape.activation {
    case .identity: break
    case .relu: OneDNN.check(dnnl_post_ops_append_eltwise(operations, 1, dnnl_eltwise_relu, 0, 0), "ReLU")
    default: preconditionFailure("\(shape.activation) is not fused into products")
    }
    OneDNN.check(dnnl_primitive_attr_set_post_ops(attributes, operations), "post-operations")
    return attributes
  }
}

extension ElementType {
  var oneDNN: dnnl_data_type_t {
    switch self {
    case .float32: dnnl_f32
    case .bfloat16: dnnl_bf16
    case .int32: dnnl_s32
    }
  }
}
