import COneDNN
import Synchronization

/// oneDNN's CPU engine and a stream for the calling thread; every call of its C API goes through here.
package enum OneDNN {
  /// The version of the library that is linked, and the instructions that it generates.
  package static let version: String = {
    let version = made(dnnl_version(), "version").pointee
    let instructions = String(cString: made(dnnl_cpu_isa2str(dnnl_get_effective_cpu_isa()), "instruction set"))
    return "oneDNN \(version.major).\(version.minor).\(version.patch) with \(instructions.dropFirst("cpu_isa_".count))"
  }()

  /// Makes primitives that the calling thread creates from now on run on that thread alone.
  ///
  /// oneDNN fixes the number of threads when a primitive is created, so a lane calls this before it prepares its
  /// kernels.
  package static func useOneThread() { omp_set_num_threads(1) }

  /// Whether this CPU multiplies bfloat16 matrices: oneDNN asks for AVX-512 at least, and refuses them otherwise.
  package static let supportsBFloat16: Bool = {
    let stream = OneDNNStream()
    let matrix = MemoryDescription([16, 16], .bfloat16, dnnl_ab)
    var primitive: dnnl_primitive_desc_t?
    let status = troupe_matmul_primitive_desc_create(
      &primitive, stream.engine, matrix.handle, matrix.handle, nil, matrix.handle, nil)
    dnnl_primitive_desc_destroy(primitive)
    return status == dnnl_success
  }()

  /// Whether this CPU multiplies tiles of bfloat16 (AMX), and oneDNN uses it.
  static let multipliesTiles =
    dnnl_get_effective_cpu_isa().rawValue & dnnl_cpu_isa_avx512_core_amx.rawValue
    == dnnl_cpu_isa_avx512_core_amx.rawValue

  private static let creation = Mutex(())

  /// Lets one thread at a time choose and generate primitives.
  ///
  /// oneDNN 2.6 seems to share state while it divides a convolution into blocks: two threads at once sometimes got
  /// kernels with wrong results. Running primitives is safe.
  static func creating<Result: Sendable>(_ make: () -> Result) -> Result { creation.withLock { _ in make() } }

  /// A status other than success is a mistake of ours: descriptors are made from shapes the plan has checked.
  @inline(__always) static func check(_ status: dnnl_status_t, _ what: @autoclosure () -> String) {
    precondition(status == dnnl_success, "oneDNN refused \(what()): status \(status.rawValue)")
  }

  /// The handle that a successful call made.
  static func made<Handle>(_ handle: Handle?, _ what: @autoclosure () -> String) -> Handle {
    guard let handle else { preconditionFailure("oneDNN returned no \(what())") }
    return handle
  }
}

/// The engine of a lane, the stream its primitives run on, and the memory they work in.
// Sendable because a lane alone uses it after it was made.
package final class OneDNNStream: @unchecked Sendable {
  let engine: dnnl_engine_t
  let stream: dnnl_stream_t
  /// For whichever primitive is running.
  private(set) var scratchpad: UnsafeMutableRawPointer
  private var scratchpadByteCount = 0

  package init() {
    OneDNN.useOneThread()
    var engine: dnnl_engine_t?
    OneDNN.check(dnnl_engine_create(&engine, dnnl_cpu, 0), "a CPU engine")
    var stream: dnnl_stream_t?
    OneDNN.check(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags.rawValue), "a stream")
    self.engine = OneDNN.made(engine, "engine")
    self.stream = OneDNN.made(stream, "stream")
    scratchpad = .allocate(byteCount: 64, alignment: 64)
  }

  deinit {
    dnnl_stream_destroy(stream)
    dnnl_engine_destroy(engine)
    scratchpad.deallocate()
  }

  /// Makes room for a primitive, before any is executed.
  func reserveScratchpad(byteCount: Int) {
    guard byteCount > scratchpadByteCount else { return }
    scratchpad.deallocate()
    scratchpad = .allocate(byteCount: byteCount, alignment: 64)
    scratchpadByteCount = byteCount
  }
}
