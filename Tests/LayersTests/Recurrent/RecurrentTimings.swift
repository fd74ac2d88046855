import Configuration
import Foundation
import JSON
import Kernels
import Layers
import Tensors
import Testing

/// CPU time of recurrent layers beside the floor that the machine's products set. Runs where TROUPE_TIMINGS is set.
///
///     TROUPE_TIMINGS=1 make test FILTER=RecurrentTimings
@Suite(.enabled(if: ProcessInfo.processInfo.environment["TROUPE_TIMINGS"] != nil), .serialized)
struct RecurrentTimings {
  private static let passes = 8

  /// Milliseconds of this thread's own CPU time for one call: the median.
  private func milliseconds(_ body: () -> Void) -> Double {
    func now() -> Double {
      var time = timespec()
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
      return 1e3 * Double(time.tv_sec) + 1e-6 * Double(time.tv_nsec)
    }
    body()
    let times = (0..<Self.passes).map { _ in
      let start = now()
      body()
      return now() - start
    }
    return times.sorted()[Self.passes / 2]
  }

  /// Products per second of one thread, in GFLOP/s, from a large one.
  private func ceiling(_ type: ElementType) -> Double {
    let shape = MatmulShape(rows: 1024, columns: 1024, inner: 1024, inputs: type, output: .float32)
    let matmul = Matmul(shape, on: OneDNNStream())
    let tensors = (0..<3).map { GuardedTensor(count: 1024 * 1024, type: $0 < 2 ? type : .float32) }
    for tensor in tensors { tensor.slice.zero() }
    return Double(shape.flops)
      / milliseconds { matmul.execute(tensors[0].slice, tensors[1].slice, into: tensors[2].slice) } / 1e6
  }

  @Test(arguments: ["lstm", "gru", "rnn"], [ElementType.float32, .bfloat16])
  func layers(_ kind: String, _ type: ElementType) throws {
    let json = try JSONParser.parse(#"{"type": "\#(kind)", "units": 256, "layers": 2}"#, file: "test")
    let layer = try layerCatalog.read(json).product.make([[16, 128, 256].shape])
    var conditions = Conditions()
    conditions.activations = type
    let bench = LayerBench(layer, conditions)
    bench.fill()
    for parameter in bench.parameters { parameter.values = parameter.values.map { 0.06 * $0 } }
    bench.copyBF16Weights()
    bench.fillOutputGradient()
    let (prepare, forward) = (milliseconds(bench.prepare), milliseconds(bench.forward))
    let backward = milliseconds(bench.backward)
    let peak = ceiling(type)
    let floor = Double(layer.forwardFlops) / peak / 1e6
    print(
      String(
        format: "%@ %@: prepare %.2f, forward %.1f (floor %.1f), backward %.1f (floor %.1f) ms at %.0f GFLOP/s", kind,
        type.rawValue, prepare, forward, floor, backward, 2 * floor, peak))
  }
}
