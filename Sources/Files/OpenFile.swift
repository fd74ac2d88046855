import SystemPackage

/// An open file, closed with its owner.
package struct OpenFile: ~Copyable, Sendable {
  package let path: String
  let descriptor: FileDescriptor
  private var isOpen = true

  init(_ descriptor: FileDescriptor, path: String) {
    self.descriptor = descriptor
    self.path = path
  }

  /// For other processes, which may inherit it.
  package var number: Int32 { descriptor.rawValue }

  deinit { if isOpen { try? descriptor.close() } }

  /// Hands the descriptor over, to be closed by the caller.
  mutating func release() -> Int32 {
    isOpen = false
    return descriptor.rawValue
  }
}
