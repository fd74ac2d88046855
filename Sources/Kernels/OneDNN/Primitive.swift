import COneDNN
import Tensors

/// A primitive that oneDNN has chosen but not yet generated: the layouts of its memory.
struct PrimitiveDescription: ~Copyable {
  let handle: dnnl_primitive_desc_t

  /// - Parameters:
  ///   - subject: the primitive's name in the messages of failed preconditions.
  ///   - create: makes the descriptor with a function such as `troupe_matmul_primitive_desc_create`.
  init(_ subject: String, _ create: (_ made: UnsafeMutablePointer<dnnl_primitive_desc_t?>) -> dnnl_status_t) {
    var handle: dnnl_primitive_desc_t?
    OneDNN.check(create(&handle), subject)
    self.handle = OneDNN.made(handle, subject)
  }

  /// Moves a tensor from one memory layout or element type to another; accumulating, adds it to the destination.
  init(
    reordering source: borrowing MemoryDescription, to destination: borrowing MemoryDescription,
    accumulates: Bool = false, on stream: OneDNNStream, subject: String
  ) {
    let attributes = PrimitiveAttributes(accumulates: accumulates)
    self.init(subject) { made in
      troupe_reorder_primitive_desc_create(
        made, stream.engine, source.handle, destination.handle, attributes.handle)
    }
  }

  deinit { dnnl_primitive_desc_destroy(handle) }

  /// The layout of one of the primitive's tensors.
  func memory(_ query: dnnl_query_t) -> MemoryDescription {
    MemoryDescription(copying: OneDNN.made(troupe_primitive_desc_query_md(handle, query, 0), "memory descriptor"))
  }

  /// Bytes of working memory.
  var scratchpadByteCount: Int {
    troupe_primitive_desc_query_md(handle, dnnl_query_scratchpad_md, 0).map { troupe_memory_desc_get_size($0) } ?? 0
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
    if accumulates { OneDNN.check(troupe_post_ops_append_sum(operations, 1), "a sum") }
    switch activation {
    case .identity: break
    case .relu: OneDNN.check(troupe_post_ops_append_eltwise(operations, dnnl_eltwise_relu, 0, 0), "ReLU")
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

  /// - Parameter tensors: the primitive's arguments, as `MemoryDescription` makes them; the primitive destroys them.
  init(_ description: borrowing PrimitiveDescription, _ tensors: [dnnl_exec_arg_t], on stream: OneDNNStream) {
    self.stream = stream
    var handle: dnnl_primitive_t?
    OneDNN.check(dnnl_primitive_create(&handle, description.handle), "a primitive")
    self.handle = OneDNN.made(handle, "primitive")
    tensorCount = tensors.count
    var tensors = tensors
    let scratchpad = description.scratchpadByteCount
    if scratchpad > 0 {
      stream.reserveScratchpad(byteCount: scratchpad)
      let memory = description.memory(dnnl_query_scratchpad_md)
      tensors.append(memory.argument(DNNL_ARG_SCRATCHPAD, on: stream))
    }
    arguments = .allocate(capacity: tensors.count)
    _ = arguments.initialize(fromContentsOf: tensors)
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
