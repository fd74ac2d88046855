import COneDNN
import Tensors

/// A primitive that oneDNN has chosen but not yet generated: the layouts of its memory.
struct PrimitiveDescription: ~Copyable {
  let handle: dnnl_primitive_desc_t
  private let subject: String

  /// - Parameters:
  ///   - operation: points to an operation descriptor, such as `dnnl_matmul_desc_t`.
  ///   - subject: its name in the messages of failed preconditions.
  init(
    _ operation: UnsafeRawPointer, _ attributes: borrowing PrimitiveAttributes, on stream: OneDNNStream,
    subject: String
  ) {
    var handle: dnnl_primitive_desc_t?
    OneDNN.check(dnnl_primitive_desc_create(&handle, operation, attributes.handle, stream.engine, nil), subject)
    self.handle = OneDNN.made(handle, subject)
    self.subject = subject
  }

  /// Moves a tensor from one memory layout or element type to another; accumulating, adds it to the destination.
  init(
    reordering source: dnnl_memory_desc_t, to destination: dnnl_memory_desc_t, accumulates: Bool = false,
    on stream: OneDNNStream, subject: String
  ) {
    var (source, destination) = (source, destination)
    let attributes = PrimitiveAttributes(accumulates: accumulates)
    var handle: dnnl_primitive_desc_t?
    OneDNN.check(
      dnnl_reorder_primitive_desc_create(
        &handle, &source, stream.engine, &destination, stream.engine, attributes.handle), subject)
    self.handle = OneDNN.made(handle, subject)
    self.subject = subject
  }

  deinit { dnnl_primitive_desc_destroy(handle) }

  /// The layout of one of the primitive's tensors.
  func memory(_ query: dnnl_query_t) -> dnnl_memory_desc_t {
    OneDNN.made(dnnl_primitive_desc_query_md(handle, query, 0), "memory descriptor").pointee
  }

  /// Bytes of working memory.
  var scratchpadByteCount: Int {
    dnnl_primitive_desc_query_md(handle, dnnl_query_scratchpad_md, 0).map { dnnl_memory_desc_get_size($0) } ?? 0
  }
}

/// Post-operations of a primitive, and its scratchpad.
struct PrimitiveAttributes: ~Copyable {
  let handle: dnnl_primitive_attr_t

  /// Activations that oneDNN applies while a tile of the result is still in registers.
  static let activations: [Activation] = [.identity, .relu]

  init(accumulates: Bool = false, activation: Activation = .identity) {
    var handle: dnnl_primitive_attr_t?
    OneDNN.check(dnnl_primitive_attr_create(&handle), "attributes")
    self.handle = OneDNN.made(handle, "attributes")
    // The default scratchpad belongs to the thread that made the primitive; ours belongs to the stream.
    OneDNN.check(
      dnnl_primitive_attr_set_scratchpad_mode(self.handle, dnnl_scratchpad_mode_user), "a scratchpad of ours")
    var operations: dnnl_post_ops_t?
    OneDNN.check(dnnl_post_ops_create(&operations), "post-operations")
    defer { dnnl_post_ops_destroy(operations) }
    if accumulates { OneDNN.check(dnnl_post_ops_append_sum(operations, 1), "a sum") }
    switch activation {
    case .identity: break
    case .relu: OneDNN.check(dnnl_post_ops_append_eltwise(operations, 1, dnnl_eltwise_relu, 0, 0), "ReLU")
    default: preconditionFailure("\(activation) is not fused into primitives")
    }
    OneDNN.check(dnnl_primitive_attr_set_post_ops(self.handle, operations), "post-operations")
  }

  deinit { dnnl_primitive_attr_destroy(handle) }
}

/// A oneDNN primitive with the memory objects of its arguments, made once and executed many times.
// Sendable because the lane it was made for is the only one that executes it: arguments are set on every call.
final class Primitive: @unchecked Sendable {
  private let stream: OneDNNStream
  private let handle: dnnl_primitive_t
  private let arguments: UnsafeMutableBufferPointer<dnnl_exec_arg_t>
  private let tensorCount: Int

  /// - Parameter tensors: each argument's index, such as `DNNL_ARG_SRC`, and layout.
  init(
    _ description: borrowing PrimitiveDescription, _ tensors: [(index: Int32, layout: dnnl_memory_desc_t)],
    on stream: OneDNNStream
  ) {
    self.stream = stream
    var handle: dnnl_primitive_t?
    OneDNN.check(dnnl_primitive_create(&handle, description.handle), "a primitive")
    self.handle = OneDNN.made(handle, "primitive")
    tensorCount = tensors.count
    var tensors = tensors
    let scratchpad = description.scratchpadByteCount
    if scratchpad > 0 {
      stream.reserveScratchpad(byteCount: scratchpad)
      tensors.append((DNNL_ARG_SCRATCHPAD, description.memory(dnnl_query_scratchpad_md)))
    }
    arguments = .allocate(capacity: tensors.count)
    for (position, tensor) in tensors.enumerated() {
      var layout = tensor.layout
      var memory: dnnl_memory_t?
      // No buffer yet: every execution sets its own.
      OneDNN.check(dnnl_memory_create(&memory, &layout, stream.engine, nil), "a memory object")
      arguments.initializeElement(
        at: position, to: dnnl_exec_arg_t(arg: tensor.index, memory: OneDNN.made(memory, "memory object")))
    }
  }

  deinit {
    dnnl_primitive_destroy(handle)
    for argument in arguments { dnnl_memory_destroy(argument.memory) }
    arguments.deallocate()
  }

  /// Runs the primitive on tensors in the order in which `init` was given their layouts.
  func execute(_ first: TensorSlice, _ second: TensorSlice, _ third: TensorSlice? = nil, _ fourth: TensorSlice? = nil) {
    precondition(tensorCount == 2 + (third == nil ? 0 : 1) + (fourth == nil ? 0 : 1))
    dnnl_memory_set_data_handle(arguments[0].memory, first.address)
    dnnl_memory_set_data_handle(arguments[1].memory, second.address)
    if let third { dnnl_memory_set_data_handle(arguments[2].memory, third.address) }
    if let fourth { dnnl_memory_set_data_handle(arguments[3].memory, fourth.address) }
    if arguments.count > tensorCount { dnnl_memory_set_data_handle(arguments[tensorCount].memory, stream.scratchpad) }
    let status = dnnl_primitive_execute(handle, stream.stream, Int32(arguments.count), arguments.baseAddress)
    OneDNN.check(status, "to run a primitive")
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
