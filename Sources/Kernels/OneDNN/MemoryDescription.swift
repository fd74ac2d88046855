import COneDNN
import Tensors

/// The extents of a tensor, its element type and its layout in memory (oneDNN's memory descriptor).
struct MemoryDescription: ~Copyable {
  let handle: troupe_memory_desc_t

  /// - Parameter strides: elements from one index to the next, for each of the extents.
  init(_ extents: [Int], _ type: ElementType, strides: [Int]) {
    var handle: troupe_memory_desc_t?
    OneDNN.check(
      troupe_memory_desc_create_with_strides(
        &handle, Int32(extents.count), extents.map(Int64.init), type.oneDNN, strides.map(Int64.init)),
      "a tensor of \(extents)")
    self.handle = OneDNN.made(handle, "memory descriptor")
  }

  /// - Parameter tag: the order of the extents in memory, or `dnnl_format_tag_any` where the primitive chooses.
  init(_ extents: [Int], _ type: ElementType, _ tag: dnnl_format_tag_t) {
    var handle: troupe_memory_desc_t?
    OneDNN.check(
      troupe_memory_desc_create_with_tag(
        &handle, Int32(extents.count), extents.map(Int64.init), type.oneDNN, tag),
      "a tensor of \(extents)")
    self.handle = OneDNN.made(handle, "memory descriptor")
  }

  init(copying original: troupe_const_memory_desc_t) {
    var handle: troupe_memory_desc_t?
    OneDNN.check(troupe_memory_desc_clone(&handle, original), "a copy of a memory descriptor")
    self.handle = OneDNN.made(handle, "memory descriptor")
  }

  deinit { troupe_memory_desc_destroy(handle) }

  var byteCount: Int { troupe_memory_desc_get_size(handle) }

  /// A new memory object with the index of a primitive's argument, such as `DNNL_ARG_SRC`.
  func argument(_ index: Int32, on stream: OneDNNStream) -> dnnl_exec_arg_t {
    var memory: dnnl_memory_t?
    // No buffer yet: every execution sets its own.
    OneDNN.check(troupe_memory_create(&memory, handle, stream.engine, nil), "a memory object")
    return dnnl_exec_arg_t(arg: index, memory: OneDNN.made(memory, "memory object"))
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
