import Kernels
import Synchronization
import Tensors
import Testing

/// A slice does not keep its arena, and a tensor in an expression would be gone before the kernel runs.
private let arenas = Mutex<[Arena]>([])

/// A tensor of its own, with a strip behind it that must not change.
struct TestTensor {
  let slice: TensorSlice
  private let strip: TensorSlice
  private static let mark: Int32 = 0x5A5A_5A5A

  init(_ values: [Float], _ type: ElementType = .float32) {
    let bytes = Arena.aligned(values.count * type.byteCount)
    let arena = Arena(byteCount: bytes + 256)
    arenas.withLock { $0.append(arena) }
    slice = arena.slice(offset: 0, count: values.count, type: type)
    // Directly behind the last element, odd bytes aside.
    let start = (values.count * type.byteCount + 3) & ~3
    strip = arena.slice(offset: start, count: 32, type: .int32)
    var marks = strip.mutableIntegers
    for i in marks.indices { marks[i] = Self.mark }
    switch type {
    case .float32:
      var elements = slice.mutableFloats
      for i in elements.indices { elements[i] = values[i] }
    case .int32:
      var elements = slice.mutableIntegers
      for i in elements.indices { elements[i] = Int32(values[i]) }
    case .bfloat16:
      for (i, value) in values.enumerated() {
        slice.address.storeBytes(of: BFloat16(value).bits, toByteOffset: 2 * i, as: UInt16.self)
      }
    }
  }

  init(zeros count: Int, _ type: ElementType = .float32) {
    self.init([Float](repeating: 0, count: count), type)
  }

  /// Standard normal numbers.
  init(random count: Int, _ type: ElementType = .float32, stream: Int, scale: Float = 1) {
    let numbers = RandomStream(seed: 7, purpose: .checking, stream: stream)
    self.init((0..<count).map { numbers.normal($0) * scale }, type)
  }

  /// The elements; also checks that nothing was written after the tensor.
  var values: [Float] {
    let marks = strip.integers
    for i in marks.indices { #expect(marks[i] == Self.mark, "written behind the tensor") }
    return switch slice.type {
    case .float32: (0..<slice.count).map { slice.floats[$0] }
    case .int32: (0..<slice.count).map { Float(slice.integers[$0]) }
    case .bfloat16:
      (0..<slice.count).map {
        BFloat16(bits: slice.bytes.unsafeLoadUnaligned(fromByteOffset: 2 * $0, as: UInt16.self)).float
      }
    }
  }

  var doubles: [Double] { values.map(Double.init) }
}

/// Relative rounding error of an element of this type.
extension ElementType {
  var tolerance: Double { self == .bfloat16 ? 0x1p-8 : 2e-6 }
}

let bothTypes: [ElementType] = [.float32, .bfloat16]
let oddSizes = [1, 15, 16, 17, 33, 100]

/// Expects |actual − expected| ≤ relative·|expected| + absolute everywhere; NaN and infinities must match.
func expectClose(
  _ actual: [Float], _ expected: [Double], relative: Double, absolute: Double = 0, _ comment: Comment? = nil,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(actual.count == expected.count, comment, sourceLocation: sourceLocation)
  for (i, (value, goal)) in zip(actual, expected).enumerated() {
    let matches =
      goal.isNaN
      ? value.isNaN
      : Double(value) == goal || abs(Double(value) - goal) <= relative * abs(goal) + absolute
    if !matches {
      Issue.record("element \(i) is \(value), expected \(goal): \(comment ?? "")", sourceLocation: sourceLocation)
      return
    }
  }
}
