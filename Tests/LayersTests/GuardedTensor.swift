import Tensors

/// A tensor between two strips of marked memory that must not change.
final class GuardedTensor {
  let slice: TensorSlice
  private let arena: Arena
  private let whole: TensorSlice
  private static let strip = 256
  private static let mark: UInt8 = 0xA5

  /// Starts poisoned.
  init(count: Int, type: ElementType) {
    arena = Arena(byteCount: 2 * Self.strip + count * type.byteCount)
    whole = arena.all(as: .bfloat16)
    whole.address.initializeMemory(as: UInt8.self, repeating: Self.mark, count: whole.byteCount)
    slice = arena.slice(offset: Self.strip, count: count, type: type)
    poison()
  }

  /// NaN in every element (-1 in integers), so that unwritten and undeclared tensors show.
  func poison() { slice.address.initializeMemory(as: UInt8.self, repeating: 0xFF, count: slice.byteCount) }

  /// Whether the strips on both sides are as they were.
  var isIntact: Bool {
    let tensor = Self.strip..<Self.strip + slice.byteCount
    return whole.allBytes.enumerated().allSatisfy { tensor.contains($0.offset) || $0.element == Self.mark }
  }

  var bits: [UInt8] { slice.allBytes }

  var values: [Float] {
    get { (0..<slice.count).map(slice.value) }
    set { for (index, value) in newValue.enumerated() { slice.set(index, value) } }
  }
}

extension TensorSlice {
  var allBytes: [UInt8] { (0..<byteCount).map { bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) } }

  /// Element `index`, whatever the type.
  func value(_ index: Int) -> Float {
    switch type {
    case .float32: floats[index]
    case .int32: Float(integers[index])
    case .bfloat16: BFloat16(bits: bytes.unsafeLoadUnaligned(fromByteOffset: 2 * index, as: UInt16.self)).float
    }
  }

  func set(_ index: Int, _ value: Float) {
    precondition(index >= 0 && index < count)
    switch type {
    case .float32: address.storeBytes(of: value, toByteOffset: 4 * index, as: Float.self)
    case .int32: address.storeBytes(of: Int32(value), toByteOffset: 4 * index, as: Int32.self)
    case .bfloat16: address.storeBytes(of: BFloat16(value).bits, toByteOffset: 2 * index, as: UInt16.self)
    }
  }
}
