/// A fixed number of plain values that several lanes fill, each its own elements.
// Sendable for the reason given at Arena: who writes which element, and when it may be read, is fixed by the order of a
// step.
package final class SharedArray<Element: BitwiseCopyable & Sendable>: @unchecked Sendable {
  private let storage: UnsafeMutableBufferPointer<Element>

  package init(repeating value: Element, count: Int) {
    storage = .allocate(capacity: count)
    storage.initialize(repeating: value)
  }

  deinit { storage.deallocate() }

  package var count: Int { storage.count }

  package subscript(_ index: Int) -> Element {
    @inline(__always) get {
      precondition(index >= 0 && index < storage.count)
      return storage[index]
    }
    @inline(__always) set {
      precondition(index >= 0 && index < storage.count)
      storage[index] = newValue
    }
  }

  package var span: Span<Element> {
    @_lifetime(borrow self) get {
      _overrideLifetime(Span(_unsafeElements: UnsafeBufferPointer(storage)), borrowing: self)
    }
  }
}
