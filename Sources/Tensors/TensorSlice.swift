/// A tensor in an arena: an address, a number of elements and their type.
///
/// The plan resolves every tensor to a slice before the first step, so a step neither looks anything up nor allocates.
/// Layers see slices as spans; only kernels use the address.
// Sendable for the reason given at Arena, which must outlive its slices.
package struct TensorSlice: @unchecked Sendable {
  package let address: UnsafeMutableRawPointer
  package let count: Int
  package let type: ElementType

  @inlinable package init(address: UnsafeMutableRawPointer, count: Int, type: ElementType) {
    self.address = address
    self.count = count
    self.type = type
  }

  @inlinable package var byteCount: Int { count * type.byteCount }

  /// The elements `range` of this tensor.
  @inlinable package func slice(_ range: Range<Int>) -> TensorSlice {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= count, "\(range) lies outside a tensor of \(count) elements")
    return TensorSlice(address: address + range.lowerBound * type.byteCount, count: range.count, type: type)
  }

  /// The elements, read as float32.
  @inlinable package var floats: Span<Float> {
    @_lifetime(borrow self) get {
      _overrideLifetime(Span(_unsafeStart: UnsafePointer(start(.float32)), count: count), borrowing: self)
    }
  }

  /// The elements, written as float32.
  @inlinable package var mutableFloats: MutableSpan<Float> {
    @_lifetime(borrow self) get {
      _overrideLifetime(MutableSpan(_unsafeStart: start(.float32), count: count), borrowing: self)
    }
  }

  /// The elements, read as int32.
  @inlinable package var integers: Span<Int32> {
    @_lifetime(borrow self) get {
      _overrideLifetime(Span(_unsafeStart: UnsafePointer(start(.int32)), count: count), borrowing: self)
    }
  }

  /// The elements, written as int32.
  @inlinable package var mutableIntegers: MutableSpan<Int32> {
    @_lifetime(borrow self) get {
      _overrideLifetime(MutableSpan(_unsafeStart: start(.int32), count: count), borrowing: self)
    }
  }

  @inlinable func start<Element>(_ expected: ElementType) -> UnsafeMutablePointer<Element> {
    precondition(type == expected)
    return address.assumingMemoryBound(to: Element.self)
  }

  /// The bytes, for any element type.
  package var bytes: RawSpan {
    @_lifetime(borrow self) get {
      _overrideLifetime(RawSpan(_unsafeStart: UnsafeRawPointer(address), byteCount: byteCount), borrowing: self)
    }
  }

  /// The bytes, to be overwritten.
  package var mutableBytes: MutableRawSpan {
    @_lifetime(borrow self) get {
      _overrideLifetime(MutableRawSpan(_unsafeStart: address, byteCount: byteCount), borrowing: self)
    }
  }

  /// The same memory seen as `count` elements of another type, which must fit in it.
  package func reinterpreted(as type: ElementType, count: Int) -> TensorSlice {
    precondition(count * type.byteCount <= byteCount)
    return TensorSlice(address: address, count: count, type: type)
  }

  /// The rest of the slice after the first `offset` bytes, which must be whole elements.
  package func bytes(from offset: Int) -> TensorSlice {
    precondition(offset % type.byteCount == 0)
    return slice(offset / type.byteCount..<count)
  }

  /// Sets every byte to zero.
  @inlinable package func zero() { address.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount) }

  /// Copies the bytes of a slice of the same type and count.
  package func copy(from other: TensorSlice) {
    precondition(count == other.count && type == other.type)
    address.copyMemory(from: other.address, byteCount: byteCount)
  }
}
