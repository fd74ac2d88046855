import CPlatform

/// One contiguous, 64-byte aligned, zeroed piece of memory that holds one kind of data (parameters, gradients, …).
///
/// Tensors are byte ranges in it. An arena never grows and is freed with its last reference.
// Sendable because who may touch which range, and when, is fixed by the plan: lanes read parameters between two
// updates, an update owns its chunk, a snapshot is taken at a step boundary.
package final class Arena: @unchecked Sendable {
  /// Cache lines and the widest vector are 64 bytes.
  package static let alignment = 64
  /// Arenas of at least this size ask the kernel for 2 MiB pages: fewer TLB misses in linear sweeps.
  private static let hugePageThreshold = 4 << 20

  package let byteCount: Int
  private let base: UnsafeMutableRawPointer

  package init(byteCount: Int) {
    precondition(byteCount >= 0, "an arena cannot have \(byteCount) bytes")
    let huge = byteCount >= Self.hugePageThreshold
    let rounded = Self.aligned(max(byteCount, 1))
    base = .allocate(byteCount: rounded, alignment: huge ? 2 << 20 : Self.alignment)
    if huge { troupe_advise_huge_pages(base, rounded) }
    base.initializeMemory(as: UInt8.self, repeating: 0, count: rounded)
    self.byteCount = byteCount
  }

  deinit { base.deallocate() }

  /// `byteCount` rounded up to the arena's alignment.
  package static func aligned(_ byteCount: Int) -> Int { (byteCount + alignment - 1) & ~(alignment - 1) }

  /// The tensor of `count` elements that starts `offset` bytes into the arena.
  package func slice(offset: Int, count: Int, type: ElementType) -> TensorSlice {
    precondition(
      offset >= 0 && count >= 0 && offset + count * type.byteCount <= byteCount,
      "\(count) \(type) at byte \(offset) lie outside an arena of \(byteCount) bytes")
    return TensorSlice(address: base + offset, count: count, type: type)
  }

  /// The whole arena as one tensor.
  package func all(as type: ElementType) -> TensorSlice {
    slice(offset: 0, count: byteCount / type.byteCount, type: type)
  }

  /// Everything, byte by byte: for digests, snapshots and files.
  package var bytes: RawSpan {
    @_lifetime(borrow self) get {
      _overrideLifetime(RawSpan(_unsafeStart: UnsafeRawPointer(base), byteCount: byteCount), borrowing: self)
    }
  }

  /// Copies another arena of the same size over this one.
  package func copy(from other: Arena) {
    precondition(byteCount == other.byteCount, "arenas of \(other.byteCount) and \(byteCount) bytes do not match")
    base.copyMemory(from: other.base, byteCount: byteCount)
  }

  /// Copies `bytes` bytes of another arena, from the same offset.
  package func copy(from other: Arena, bytes range: Range<Int>) {
    precondition(range.lowerBound >= 0 && range.upperBound <= min(byteCount, other.byteCount))
    (base + range.lowerBound).copyMemory(from: other.base + range.lowerBound, byteCount: range.count)
  }
}
